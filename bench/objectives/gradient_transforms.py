"""What an attacker does to both gradients before it compares them: where it takes the client's defence into account."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from bench.engine.matching import Objective
from bench.messages import Observation

Gradients = dict[str, Tensor]  # {parameter name: [V, ...]}


class GradientTransform(ABC):
    """A function of the dummy's gradient and the shared one; traced and compiled with the objective."""

    @property
    def needs(self) -> frozenset[str]:
        """What it cannot do without beyond what can be seen: words that attacks use of themselves."""
        return frozenset()

    def check(self, seen: Observation) -> None:  # noqa: B027 - most views fit every observation
        """Refuses an observation that it does not fit.

        Raises:
            NotApplicable: says why.
        """

    @abstractmethod
    def __call__(self, gradients: Gradients, observed: Gradients) -> tuple[Gradients, Gradients]:
        """Both, as they are to be compared; names may go, shapes stay."""


@dataclass(frozen=True)
class TransformedObjective:
    """A distance that looks through views, the first one first."""

    distance: Objective
    views: Sequence[GradientTransform]

    def __call__(self, gradients: Gradients, observed: Gradients) -> Tensor:
        """`{name: [V, ...]}` -> `[V]`."""
        for view in self.views:
            gradients, observed = view(gradients, observed)
        return self.distance(gradients, observed)
