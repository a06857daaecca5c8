"""The squared distance of images from an even image, as in GradInversion (Yin et al. 2021, arXiv 2104.07586)."""

from torch import Tensor

from bench.priors.base import Prior


class SquaredNorm(Prior):
    """`weight` times the mean of (x - centre)^2 over the pixels of a batch.

    Departs: the paper has the sum of x^2 over normalised images, whose 0 is the mean colour. Here pixels are in [0, 1],
    so a centre takes the place of 0, and a mean takes the place of the sum, as in our total variation.

    Args:
        weight: factor relative to a distance of weight 1, >= 0.
        centre: the pixel value that costs nothing.

    Raises:
        ValueError: weight is negative.
    """

    def __init__(self, weight: float, centre: float) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0")
        self.weight, self.centre = weight, centre

    def __call__(self, images: Tensor) -> Tensor:
        """`[S, B, C, H, W]` -> `[S]`.

        Example:
            >>> import torch
            >>> SquaredNorm(2.0, 0.5)(torch.tensor([0.5, 1.5]).view(1, 1, 1, 1, 2)).tolist()
            [1.0]
        """
        return self.weight * (images - self.centre).square().flatten(1).mean(1)
