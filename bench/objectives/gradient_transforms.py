"""What an attacker does to both gradients before it compares them, to take the client's defence into account."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from bench.engine.matching import Objective
from bench.messages.observation import Observation

Gradients = dict[str, Tensor]  # {parameter name: [V, ...]}


class GradientTransform(ABC):
    """A function of the dummy's gradient and the shared one, which is traced and compiled with the objective."""

    @property
    def needs(self) -> frozenset[str]:
        """What it needs to be granted, in the words of `Attack.needs`."""
        return frozenset()

    def check(self, seen: Observation) -> None:  # noqa: B027 - most views fit every observation
        """Refuses an observation for which the transform has no meaning.

        Raises:
            NotApplicable: the message says why.
        """

    @abstractmethod
    def __call__(self, gradients: Gradients, observed: Gradients) -> tuple[Gradients, Gradients]:
        """Returns both gradients as they are to be compared; names may be left out, but shapes stay."""


@dataclass(frozen=True)
class TransformedObjective:
    """A distance between gradients to which transforms are applied first, in order.

    Args:
        distance: `(gradients, observed) -> [V]`.
        views: the transforms.
    """

    distance: Objective
    views: Sequence[GradientTransform]

    def __call__(self, gradients: Gradients, observed: Gradients) -> Tensor:
        """`{name: [V, ...]}` of the dummies and of the shared gradients -> `[V]`."""
        for view in self.views:
            gradients, observed = view(gradients, observed)
        return self.distance(gradients, observed)
