"""The norm of the whole gradient is bounded: Pascanu, Mikolov and Bengio 2013, algorithm 1."""

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
    """`gradients` scaled down, all tensors alike, to a norm of at most `bound`."""
    size = norm(gradients)
    factor = torch.where(size > bound, bound / size, torch.ones_like(size))
    return {name: value * factor for name, value in gradients.items()}


@dataclass(frozen=True)
class Clip(GradientDefense):
    """Clips the gradient of the batch. It bounds no single example's share: `dp_sgd` does.

    Args:
        norm: the largest Euclidean norm.

    Raises:
        ValueError: it is not positive.
    """

    norm: float

    def __post_init__(self) -> None:
        if not self.norm > 0:
            raise ValueError(f"norm={self.norm}: must be > 0")

    @property
    def must_change(self) -> bool:
        """No: a gradient within the bound is shared as it is."""
        return False

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Scales it down where need be."""
        return clipped(gradients, self.norm), state

    def encode(self, sent: Encoding) -> Encoding:
        """Zeros stay zeros."""
        return sent.dense_values()
