"""Total variation (Rudin, Osher, Fatemi 1992) as in Inverting Gradients (Geiping et al. 2020, arXiv 2003.14053)."""

from torch import Tensor

from bench.priors.base import Prior


def total_variation(images: Tensor) -> Tensor:
    """`mean |x(.., j+1) - x(.., j)| + mean |x(i+1, ..) - x(i, ..)|`: `[S, B, C, H, W]` -> `[S]`, 0 for a flat image.

    Anisotropic; each mean is over all differences of the batch along one axis. An axis of one pixel has none: 0.

    >>> import torch
    >>> total_variation(torch.tensor([[0.0, 1.0], [0.0, 0.0]]).view(1, 1, 1, 2, 2)).tolist()
    [1.0]
    """
    along = [images.diff(dim=axis).abs() for axis in (-1, -2) if images.shape[axis] > 1]
    return sum((step.flatten(1).mean(1) for step in along), images.new_zeros(len(images)))


class TotalVariation(Prior):
    """`total_variation` times a weight.

    Departs from the published code where a model normalises its inputs: ours are pixels in [0, 1] (normalisation is the
    model's first layer), theirs are normalised, with total variations larger by 1 / std (about 4 on CIFAR-10). Their
    weight times that is the weight here.

    Args:
        weight: factor, beside a distance of weight 1.

    Raises:
        ValueError: weight is negative.
    """

    def __init__(self, weight: float) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0")
        self.weight = weight

    def __call__(self, images: Tensor) -> Tensor:
        """`[S, B, C, H, W]` -> `[S]`."""
        return self.weight * total_variation(images)
