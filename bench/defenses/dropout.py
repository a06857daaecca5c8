"""Random entries of the gradient become zero (Bernoulli, independent of their size)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import GradientDefense, Tree
from bench.defenses.encoding import Encoding
from bench.defenses.pruning import left
from bench.engine.rng import Shapes, VictimRng


def dropped(value: Tensor, uniform: Tensor, fraction: float, rescale: bool) -> Tensor:
    """`value` with zeros where `uniform < fraction`; the others divided by `1 - fraction` where `rescale`."""
    kept = torch.where(uniform.to(value.dtype) < fraction, 0.0, value)
    return kept / (1 - fraction) if rescale else kept


@dataclass(frozen=True)
class Dropout(GradientDefense):
    """Random gradient dropout, the control for magnitude pruning: as many zeros, at places that say nothing.

    Args:
        fraction: the probability that an entry becomes zero.
        rescale: whether the others are divided by `1 - fraction`, so that the expectation stays.
        seed: of the places, beside the run's own.

    Raises:
        ValueError: the fraction leaves [0, 1).
    """

    fraction: float
    rescale: bool
    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.fraction < 1:
            raise ValueError(f"fraction={self.fraction}: want 0 <= fraction < 1, the probability of a zero")

    @property
    def must_change(self) -> bool:
        """Unless nothing is dropped."""
        return self.fraction > 0

    def draw(self, shapes: Shapes, stream: VictimRng) -> Any:
        """Uniform numbers."""
        return stream.uniform(shapes)

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Drops entries."""
        return {n: dropped(value, noise[n], self.fraction, self.rescale) for n, value in gradients.items()}, state

    def encode(self, sent: Encoding) -> Encoding:
        """The expected number of entries left."""
        return sent.sparse(lambda name, entries: left(entries, self.fraction))
