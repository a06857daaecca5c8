"""Randomised response on labels (Warner 1965, doi 10.1080/01621459.1965.10480775), for K classes.

With the probabilities below it is the mechanism of label differential privacy without a prior (Ghazi, Golowich, Kumar,
Manurangsi and Zhang 2021, arXiv 2102.06062).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import ClientContext
from bench.defenses.example_defense import ExampleDefense
from bench.defenses.example_form import ExampleForm
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable


def kept(epsilon: float, classes: int) -> float:
    """The probability that a label stays: e^epsilon / (e^epsilon + K - 1).

    It is also the best rate at which anybody guesses the label of a step, if all K classes are equally likely.

    Args:
        epsilon: of the guarantee, >= 0.
        classes: K, >= 1.
    """
    return 1 / (1 + (classes - 1) * math.exp(-epsilon))


@dataclass(frozen=True)
class RandomisedResponse(ExampleDefense):
    """Replaces each label by another class, drawn uniformly, with probability (K - 1) / (e^epsilon + K - 1).

    What a client shares of an example in one step is then epsilon-differentially private with respect to its label:
    under any two labels of the example, no outcome is more than e^epsilon times as likely. It says nothing about the
    inputs, which are shared as they are, and a model or a person that recognises the reconstructed image knows the
    label anyway. Labels are drawn anew in each step, so the epsilons of all steps in which an example takes part add
    up.

    Departs from the training of Ghazi et al., which draws the label of each example once: a step does not know which
    example of the data set it is given. So in a training here, wrong labels of one example average out over the epochs.

    Args:
        epsilon: of the guarantee of one draw, >= 0; at 0 the label is drawn uniformly.
        seed: seed of the labels, in addition to that of the run.

    Raises:
        ValueError: epsilon is negative, or no number.
    """

    epsilon: float
    seed: int
    level = "label"
    soft = False
    of_images = False

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon < math.inf:
            raise ValueError(f"epsilon={self.epsilon}: must be >= 0 and finite")

    @property
    def must_change(self) -> bool:
        """False, since by chance every label may stay."""
        return False

    def check(self, local: ClientContext) -> None:
        """Refuses what `ExampleDefense.check` refuses, and labels that are probabilities.

        Raises:
            NotApplicable: a later part of a stack makes labels probabilities.
        """
        super().check(local)
        if local.examples.soft:
            raise NotApplicable(
                "defense RandomisedResponse takes class indices, and a later part of the stack makes labels "
                "probabilities first: name it after that part (parts=[label_smoothing,randomised_response])"
            )

    def draw(self, batch_size: int, form: ExampleForm, stream: VictimRng) -> Any:
        """Draws by how much each label moves: `[B]`, int64, 0 where it stays, else 1 to K - 1.

        Args:
            batch_size: B.
            form: see `ExampleForm`.
            stream: the random numbers of this victim and this part.
        """
        drawn = stream.uniform({"stays": (batch_size,), "other": (batch_size,)})
        other = 1 + (drawn["other"].double() * (form.classes - 1)).long()
        return torch.where(drawn["stays"].double() < kept(self.epsilon, form.classes), 0, other)

    def change_examples(self, inputs: Tensor, labels: Tensor, noise: Any, form: ExampleForm) -> tuple[Tensor, Tensor]:
        """Returns the inputs as they are, and the labels `[B]` after the draw.

        Args:
            inputs: `[B, ...]`.
            labels: class indices `[B]`.
            noise: what `draw` returned.
            form: see `ExampleForm`.
        """
        return inputs, (labels + noise) % form.classes

    def notes(self, local: ClientContext) -> list[str]:
        """A sentence that says what is guaranteed, and what is not."""
        stays = kept(self.epsilon, local.examples.classes)
        return [
            f"RandomisedResponse: labels are differentially private, with epsilon {self.epsilon:g} each time they are "
            f"drawn (every step; a label stays with probability {stays:.3g}); inputs are not"
        ]

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """The facts of every defence, with the probability that a label stays (`kept`)."""
        return super().facts(local) | {"kept": kept(self.epsilon, local.examples.classes)}
