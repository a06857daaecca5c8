"""Differential privacy of what is shared, by Opacus' accountant."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.errors import UserError


@dataclass(frozen=True)
class Privacy:
    """A Gaussian mechanism on per-sample gradients of bounded norm.

    Args:
        noise_multiplier: standard deviation of the noise on the sum over that bound.
        delta: the probability that epsilon does not hold.
        releases: how often the mechanism is run for each step that is shared.
    """

    noise_multiplier: float
    delta: float
    releases: int = 1

    def times(self, releases: int) -> Privacy:
        """The mechanism run `releases` times as often."""
        return replace(self, releases=self.releases * releases)

    def epsilon(self, steps: int, rate: float) -> float:
        """Epsilon of `steps` shared steps, neighbours differing by one added or removed example.

        Rényi differential privacy of the sampled Gaussian mechanism (Mironov, Talwar and Zhang 2019), composed and
        converted by Opacus.

        Args:
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
