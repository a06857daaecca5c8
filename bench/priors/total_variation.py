"""Total variation (Rudin, Osher, Fatemi 1992) as in Inverting Gradients (Geiping et al. 2020, arXiv 2003.14053)."""

from torch import Tensor

from bench.priors.weighted import WeightedPrior


def total_variation(images: Tensor) -> Tensor:
    """`mean |x(.., j+1) - x(.., j)| + mean |x(i+1, ..) - x(i, ..)|`: `[S, B, C, H, W]` -> `[S]`, 0 for a flat image.

    This is the anisotropic form. Each mean is over all differences of the batch along one axis. An axis of one pixel
    has no differences and adds 0.

    Example:
        >>> import torch
        >>> total_variation(torch.tensor([[0.0, 1.0], [0.0, 0.0]]).view(1, 1, 1, 2, 2)).tolist()
        [1.0]
    """
    along = [images.diff(dim=axis).abs() for axis in (-1, -2) if images.shape[axis] > 1]
    return sum((step.flatten(1).mean(1) for step in along), images.new_zeros(len(images)))


class TotalVariation(WeightedPrior):
    """`total_variation` times a weight.

    Departs from the published code for models that normalise their inputs. Our images are pixels in [0, 1], because
    normalisation is the model's first layer. Theirs are normalised, so their total variation is larger by 1 / std
    (about 4 on CIFAR-10). The weight here is theirs times that factor.

    Args:
        weight: factor relative to a distance of weight 1, >= 0.

    Raises:
        ValueError: weight is negative.
    """

    penalty = staticmethod(total_variation)
