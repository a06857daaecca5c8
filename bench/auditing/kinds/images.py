"""Images `[B, C, H, W]` of any range, normalised inside or outside of the model."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from bench.auditing.kinds.base import Kind, mean_squares, per_channel

_SEED = 20_170_521  # of the noise; no other part of an audit draws from it


class Images(Kind):
    """Images whose pixels lie in `range` ([0, 1] if it is not given), before a normalisation by `mean` and `std`."""

    name, noun, dims = "images", "image", 4
    bounded = True
    span: ClassVar[tuple[float, float]] = (0.0, 1.0)
    blanks: ClassVar[tuple[str, ...]] = ("gray", "its best colour")
    known = "the range of pixels"
    unit: ClassVar[tuple[float, str]] = (1.0, "of the range of pixels")

    @property
    def packed(self) -> tuple[int, int, int]:
        """The image's own shape."""
        channels, height, width = self.shape
        return channels, height, width

    def affine(self) -> tuple[Tensor, Tensor]:
        """See `Kind.affine`: the range becomes [0, 1]."""
        low, high = self.knowledge.range or (0.0, 1.0)
        count = self.shape[0]
        mean = per_channel(self.knowledge.mean, count, "mean", 0.0)
        std = per_channel(self.knowledge.std, count, "std", 1.0)
        return std / (high - low), (mean - low) / (high - low)

    def controls(self, truth: Tensor) -> dict[str, Tensor]:
        """Gray, the image's own mean colour, uniform noise, and the mean of public images."""
        drawn = torch.rand(truth.shape, generator=torch.Generator().manual_seed(_SEED)).to(truth)
        return {
            "gray": torch.full_like(truth, 0.5),
            "its best colour": truth.mean((2, 3), keepdim=True).expand_as(truth),
            "noise": drawn,
            **self.public_mean(truth),
        }

    def scores(self, guess: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """The root mean square error in the user's units, where they are not [0, 1] as they are for other metrics."""
        scale, _ = self.affine()
        scale = scale.to(truth.device)
        if (scale == 1).all():
            return {}
        return {"rmse": mean_squares(guess / scale.view(-1, 1, 1), truth / scale.view(-1, 1, 1)).sqrt()}

    def beyond(self, low: float, high: float) -> str:
        """See `Kind.beyond`."""
        known = "[0, 1]" if self.knowledge.range is None else str(list(self.knowledge.range))
        given = "" if self.knowledge.mean is None else " after the normalisation by mean= and std="
        return (
            f"batch: the images lie in [{low:.3g}, {high:.3g}], beyond {known}{given}: pass range=(low, high), the "
            "range of pixels, or mean= and std=, by which your loader normalises them"
        )


KIND = Images
