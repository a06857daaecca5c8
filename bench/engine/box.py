"""Box projection: keeps images inside the range of inputs after every step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class BoxConstraint:
    """Bounds on the first `entries` of a victim's variables `[S, n]`, which are its images; the label logits are free.

    Args:
        low: lower bound of a pixel.
        high: upper bound of a pixel.
        entries: number of bounded variables per victim.

    Raises:
        ValueError: low is not below high.
    """

    low: float
    high: float
    entries: int

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low={self.low}, high={self.high}: want low < high")

    def project(self, x: Tensor) -> Tensor:
        """Returns the point `[S, n]` of the box that is nearest to `x` `[S, n]`."""
        return torch.cat([x[:, : self.entries].clamp(self.low, self.high), x[:, self.entries :]], 1)

    def projected_direction(self, x: Tensor, d: Tensor) -> Tensor:
        """Returns `d` `[S, n]` with zeros for the entries that would leave the box at once from `x` `[S, n]`."""
        at, along = x[:, : self.entries], d[:, : self.entries]
        out = ((at <= self.low) & (along < 0)) | ((at >= self.high) & (along > 0))
        return torch.cat([along.masked_fill(out, 0), d[:, self.entries :]], 1)
