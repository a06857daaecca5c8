"""Box projection: keeps images inside the range of inputs after every step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class BoxConstraint:
    """Bounds on the first `entries` of a victim's variables `[S, n]` (its images); the rest, label logits, is free.

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
        """The nearest point `[S, n]` of the box."""
        return torch.cat([x[:, : self.entries].clamp(self.low, self.high), x[:, self.entries :]], 1)

    def projected_direction(self, x: Tensor, d: Tensor) -> Tensor:
        """The direction `[S, n]` without the entries that lead out of the box at once."""
        at, along = x[:, : self.entries], d[:, : self.entries]
        out = ((at <= self.low) & (along < 0)) | ((at >= self.high) & (along > 0))
        return torch.cat([along.masked_fill(out, 0), d[:, self.entries :]], 1)
