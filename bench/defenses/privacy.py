"""Differential privacy of what is shared, computed by Opacus' accountant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from bench.defenses import reconstruction_bound
from bench.errors import UserError

CANDIDATES = 100  # of the line-up for which a bound is given


@dataclass(frozen=True)
class Privacy:
    """A Gaussian mechanism on per-sample gradients of bounded norm.

    Args:
        noise_multiplier: standard deviation of the noise on the sum, divided by that bound.
        delta: the probability that epsilon does not hold, in (0, 1).
        releases: how often the mechanism is run per shared step.

    Attributes:
        sampling: how a training has to draw its steps for `of_training` (see `TrainingSchedule`).
    """

    noise_multiplier: float
    delta: float
    releases: int = 1
    sampling: ClassVar[str] = "poisson"

    def times(self, releases: int) -> Privacy:
        """Returns the mechanism run `releases` times as often."""
        return replace(self, releases=self.releases * releases)

    def identification(self, candidates: int) -> float:
        """The largest rate at which any attacker picks a record that took part in a step out of equally likely ones.

        The attacker may know everything but the record (`bench.defenses.reconstruction_bound`).

        Args:
            candidates: K >= 1, of which one is the record; without the step, the rate is 1 / K.
        """
        return reconstruction_bound.of_noise(1 / candidates, self.noise_multiplier, self.releases)

    def epsilon(self, steps: int, rate: float) -> float:
        """Epsilon of `steps` shared steps, for neighbouring datasets that differ by one added or removed example.

        It follows from the Rényi differential privacy of the sampled Gaussian mechanism (Mironov, Talwar and Zhang
        2019), composed and converted by Opacus.

        Args:
            steps: number of shared steps.
            rate: the probability that an example is in the batch of a step (Poisson sampling); 1 for a batch that is
                known to have taken part.

        Raises:
            UserError: Opacus is not installed.
        """
        try:
            from opacus.accountants import RDPAccountant
        except ImportError as error:
            raise UserError("epsilon needs Opacus: pip install 'leakbench[dp]'") from error
        accountant = RDPAccountant()
        accountant.history = [(self.noise_multiplier, rate, steps * self.releases)]
        return float(accountant.get_epsilon(delta=self.delta))

    def of_training(self, epochs: int, steps: int, rate: float | None) -> float:
        """Epsilon of a whole training.

        Args:
            epochs: number of epochs.
            steps: number of steps per epoch.
            rate: see `epsilon`; None if nothing is sampled, and an example takes part in one step of each epoch.

        Raises:
            UserError: Opacus is not installed.
        """
        return self.epsilon(epochs, 1.0) if rate is None else self.epsilon(epochs * steps, rate)
