"""Clipping of the whole gradient's norm: Pascanu, Mikolov and Bengio 2013, algorithm 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import GradientDefense, Tree
from bench.defenses.encoding import Encoding


def norm(gradients: Tree) -> Tensor:
    """The Euclidean norm of all entries together, `[]`."""
    return torch.stack([value.square().sum() for value in gradients.values()]).sum().sqrt()


def clipped(gradients: Tree, bound: float) -> Tree:
    """Scales all tensors by one factor, such that their common norm is at most `bound`."""
    size = norm(gradients)
    factor = torch.where(size > bound, bound / size, torch.ones_like(size))
    return {name: value * factor for name, value in gradients.items()}


@dataclass(frozen=True)
class Clip(GradientDefense):
    """Clips the gradient of the batch. It does not bound the share of a single example, as `dp_sgd` does.

    Args:
        norm: the largest Euclidean norm, > 0.

    Raises:
        ValueError: it is not positive.
    """

    norm: float

    def __post_init__(self) -> None:
        if not self.norm > 0:
            raise ValueError(f"norm={self.norm}: must be > 0")

    @property
    def must_change(self) -> bool:
        """Returns False: a gradient within the bound is shared as it is."""
        return False

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Scales the gradient down if its norm exceeds the bound.

        Args:
            gradients: `{name: tensor}` of one client.
            noise: not used.
            state: returned unchanged.
        """
        return clipped(gradients, self.norm), state

    def encode(self, sent: Encoding) -> Encoding:
        """The same entries as before as 32-bit floats, since zeros stay zeros."""
        return sent.dense_values()
