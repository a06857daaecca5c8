"""Box projection: keeps images inside the range of inputs after every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bench.engine.matching import Layout
from bench.engine.parametrisation import ImageMap


class Box(Protocol):
    """Bounds onto which every step is projected: `BoxConstraint` if variables are pixels, otherwise `ImageBox`."""

    def project(self, x: Tensor) -> Tensor:
        """Returns variables `[S, n]` within the bounds, made from `x` `[S, n]`."""

    def projected_direction(self, x: Tensor, d: Tensor) -> Tensor:
        """Returns `d` `[S, n]` without what would leave the bounds at once from `x` `[S, n]`."""


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


@dataclass(frozen=True)
class ImageBox:
    """Bounds on the pixels of images whose variables are no pixels, for steps that are taken without a line search.

    A step is taken in the variables, and then the images that leave the range are clamped and encoded again. The
    nearest image is found among pixels and not among variables, and the direction is not cut beforehand, since a bound
    on a pixel is a bound on all its variables together.

    Args:
        low: lower bound of a pixel.
        high: upper bound of a pixel.
        layout: tells the images of a victim's variables from its label logits.

    Raises:
        ValueError: low is not below high.
    """

    low: float
    high: float
    layout: Layout

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low={self.low}, high={self.high}: want low < high")

    def project(self, x: Tensor) -> Tensor:
        """Returns variables `[S, n]` whose images are those of `x` `[S, n]`, clamped; rows within bounds stay."""
        assert isinstance(self.layout.variables, ImageMap)  # checked when the attack is made
        images, _ = self.layout.split(x)
        clamped = images.clamp(self.low, self.high)
        variables = torch.cat([self.layout.variables.encode(clamped).flatten(1), x[:, self.layout.inputs :]], 1)
        outside = (clamped != images).flatten(1).any(1, keepdim=True)
        return torch.where(outside, variables, x)

    def projected_direction(self, x: Tensor, d: Tensor) -> Tensor:
        """Returns `d` `[S, n]` unchanged."""
        return d
