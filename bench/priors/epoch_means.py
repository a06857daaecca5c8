"""The order-invariant term of attacks on FedAvg (Dimitrov, Balunović, Konstantinov, Vechev 2022, arXiv 2206.12395)."""

from collections.abc import Callable

from torch import Tensor

from bench.priors.base import Prior


def epoch_means(images: Tensor, epochs: int) -> Tensor:
    """The variance over epochs of the batch's mean image, `[S, B x E, C, H, W]` -> `[S]`, as the mean over pixels.

    The images of one example stand beside each other, one per epoch. Every epoch goes through the same examples, so
    their mean is the same in any order. This is half the mean of squared distances over all pairs of epochs.

    Example:
        >>> import torch
        >>> epoch_means(torch.tensor([0.0, 1.0]).view(1, 2, 1, 1, 1), 2).tolist()
        [0.25]
    """
    means = images.unflatten(1, (-1, epochs)).mean(1)
    return means.var(1, correction=0).flatten(1).mean(1)


class EpochMeans(Prior):
    """`epoch_means` times a weight; 0 as it stands, where each example has one image.

    Args:
        weight: factor relative to a distance of weight 1, >= 0.

    Raises:
        ValueError: weight is negative.
    """

    def __init__(self, weight: float) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0")
        self.weight = weight

    def of(self, epochs: int) -> Callable[[Tensor], Tensor]:
        """Returns the term for images of this many epochs."""
        return lambda images: self.weight * epoch_means(images, epochs)

    def __call__(self, images: Tensor) -> Tensor:
        """`[S, B, C, H, W]` -> `[S]`, zeros."""
        return images.new_zeros(len(images))
