"""Random dropout of gradient entries: each becomes zero with a fixed probability, independent of its size."""

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
    """Sets entries to zero at random.

    Args:
        value: a tensor of any shape.
        uniform: numbers on [0, 1) of the same shape; an entry becomes zero if its number is below `fraction`.
        fraction: the probability that an entry becomes zero, in [0, 1).
        rescale: whether the other entries are divided by `1 - fraction`.
    """
    kept = torch.where(uniform.to(value.dtype) < fraction, 0.0, value)
    return kept / (1 - fraction) if rescale else kept


@dataclass(frozen=True)
class Dropout(GradientDefense):
    """Random gradient dropout, the control for magnitude pruning: as many zeros, but at places that say nothing.

    Args:
        fraction: the probability that an entry becomes zero, in [0, 1).
        rescale: whether the others are divided by `1 - fraction`, so that the expectation stays.
        seed: seed of the places, in addition to that of the run.

    Raises:
        ValueError: the fraction is not in [0, 1).
    """

    fraction: float
    rescale: bool
    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.fraction < 1:
            raise ValueError(f"fraction={self.fraction}: want 0 <= fraction < 1, the probability of a zero")

    @property
    def must_change(self) -> bool:
        """Whether the fraction is above 0."""
        return self.fraction > 0

    def draw(self, shapes: Shapes, stream: VictimRng) -> Any:
        """Draws one uniform number per entry."""
        return stream.uniform(shapes)

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Sets random entries to zero.

        Args:
            gradients: `{name: tensor}` of one client.
            noise: uniform numbers, as `draw` returned them.
            state: returned unchanged.
        """
        return {n: dropped(value, noise[n], self.fraction, self.rescale) for n, value in gradients.items()}, state

    def encode(self, sent: Encoding) -> Encoding:
        """The expected number of entries that are left, per tensor."""
        return sent.sparse(lambda name, entries: left(entries, self.fraction))
