"""The images of a complete set of directions, and how far they agree with the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.exact.spear.hull import Hull, image_points


@dataclass(frozen=True, eq=False)
class FoundImages:
    """What a search found.

    Args:
        images: `[r, n]`, inputs of the layer, in no order; None if the directions are not complete.
        agreement: lambda, `[r]` (`Hull.agreement`); empty without images.
        tried: the number of descents or samples.
    """

    images: Tensor | None
    agreement: Tensor
    tried: int

    @property
    def least(self) -> float:
        """The lambda of the worst image; 0 without images."""
        return float(self.agreement.min()) if len(self.agreement) else 0.0


def nothing(tried: int) -> FoundImages:
    """A search without a complete set of directions."""
    return FoundImages(None, torch.zeros(0), tried)


def read_images(hull: Hull, directions: Tensor) -> FoundImages:
    """Computes the images of a complete set of directions `[r, r]`, and how far each agrees with the gradient."""
    return FoundImages(hull.images(image_points(directions)), hull.agreement(directions), 0)
