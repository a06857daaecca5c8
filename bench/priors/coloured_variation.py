"""Total variation of luma and chroma apart, the latter weighed more (ours)."""

from math import sqrt

from torch import Tensor

from bench.engine.colours import RGB, to_colours
from bench.priors.base import Prior
from bench.priors.total_variation import total_variation


def coloured_variation(images: Tensor, chroma: float) -> Tensor:
    """`total_variation` of luma and of `chroma` times both chromas: `[S, B, C, H, W]` -> `[S]`.

    The edges of natural images are edges of luma, and chroma is smooth. The mean over the three colours is multiplied
    by the square root of 3, so that a gray image has the same value whether it has one channel or three equal ones. An
    image whose channels are not three has no chroma.

    Example:
        >>> import torch
        >>> gray = torch.tensor([[0.0, 1.0], [0.0, 0.0]]).expand(1, 1, 3, 2, 2)
        >>> coloured_variation(gray, 3.0).round(decimals=4).tolist()
        [1.0]
    """
    if images.shape[-3] != RGB:
        return total_variation(images)
    weights = images.new_tensor([1.0, chroma, chroma]).view(-1, 1, 1)
    return sqrt(RGB) * total_variation(to_colours(images) * weights)


class ColouredVariation(Prior):
    """`coloured_variation` times a weight.

    Args:
        weight: factor relative to a distance of weight 1, >= 0.
        chroma: weight of chroma relative to luma, >= 0.

    Raises:
        ValueError: an argument is negative.
    """

    def __init__(self, weight: float, chroma: float) -> None:
        if weight < 0 or chroma < 0:
            raise ValueError(f"weight={weight}, chroma={chroma}: must be >= 0")
        self.weight, self.chroma = weight, chroma

    def __call__(self, images: Tensor) -> Tensor:
        """`[S, B, C, H, W]` -> `[S]`."""
        return self.weight * coloured_variation(images, self.chroma)
