"""Magnitude pruning: the smallest entries become zero (Zhu, Liu and Han 2019, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import GradientDefense, Tree
from bench.defenses.encoding import Encoding


def left(entries: int, fraction: float) -> int:
    """Returns how many of `entries` are left if this fraction is pruned, to the nearest whole number.

    Example:
        >>> left(10, 0.7), left(3, 0.99)
        (3, 0)
    """
    return entries - round(fraction * entries)


def largest(value: Tensor, count: int) -> Tensor:
    """Keeps the `count` entries of `value` that are largest in magnitude, and sets the others to zero."""
    flat = value.flatten()
    index = flat.abs().topk(count, sorted=False).indices
    mask = torch.zeros_like(flat, dtype=torch.bool).scatter(0, index, torch.ones_like(index, dtype=torch.bool))
    return torch.where(mask, flat, 0.0).reshape(value.shape)


def across(gradients: Tree, count: int) -> Tree:
    """Keeps the `count` entries of all tensors together that are largest in magnitude, and sets the others to zero."""
    whole = largest(torch.cat([value.flatten() for value in gradients.values()]), count)
    pieces = whole.split([value.numel() for value in gradients.values()])
    return {name: piece.reshape(value.shape) for (name, value), piece in zip(gradients.items(), pieces)}


@dataclass(frozen=True)
class Pruning(GradientDefense):
    """Shares only the largest entries.

    Args:
        fraction: share of the entries that become zero, in [0, 1).
        scope: `tensor` (this share of each tensor) or `model` (of all entries together).

    Raises:
        ValueError: the fraction is out of its range, or the scope is another word.
    """

    fraction: float
    scope: str

    def __post_init__(self) -> None:
        if not 0 <= self.fraction < 1:
            raise ValueError(f"fraction={self.fraction}: want 0 <= fraction < 1, the share of entries that become zero")
        if self.scope not in ("tensor", "model"):
            raise ValueError(f"scope={self.scope!r}: want tensor or model")

    @property
    def must_change(self) -> bool:
        """Whether the fraction is above 0."""
        return self.fraction > 0

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Prunes each tensor, or all tensors together, as `scope` says.

        Args:
            gradients: `{name: tensor}` of one client.
            noise: not used.
            state: returned unchanged.
        """
        if self.scope == "tensor":
            return {n: largest(value, left(value.numel(), self.fraction)) for n, value in gradients.items()}, state
        return across(gradients, left(sum(value.numel() for value in gradients.values()), self.fraction)), state

    def encode(self, sent: Encoding) -> Encoding:
        """The entries left; with scope `model`, they are counted in proportion to the size of the tensors."""
        return sent.sparse(lambda name, entries: left(entries, self.fraction))
