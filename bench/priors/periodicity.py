"""The periodicity term of TS-Inverse (Meijer et al. 2025, arXiv 2503.20952): values one period apart are alike."""

from typing import ClassVar

from torch import Tensor

from bench.priors.base import Prior


def period_distance(series: Tensor, period: int) -> Tensor:
    """`mean |x_t - x_{t + period}|`: `[S, B, C, T]` -> `[S]`.

    Series that are not longer than a period have no such pairs, and the distance is 0.

    Example:
        >>> import torch
        >>> period_distance(torch.tensor([0.0, 1.0, 0.0, 2.0]).view(1, 1, 1, 4), 2).tolist()
        [0.5]
    """
    if series.shape[-1] <= period:
        return series.new_zeros(len(series))
    return (series[..., period:] - series[..., :-period]).abs().flatten(1).mean(1)


class Periodicity(Prior):
    """`period_distance` times a weight.

    Departs: the authors' code compares the first channel, continued by the values to forecast, and the period is their
    number; here every channel is compared.

    Args:
        weight: factor relative to a distance of weight 1, >= 0.
        period: in steps of time, >= 1.

    Raises:
        ValueError: a number is out of its range.
    """

    of_series: ClassVar[bool] = True

    def __init__(self, weight: float, period: int) -> None:
        if weight < 0 or period < 1:
            raise ValueError(f"weight={weight}, period={period}: want a weight >= 0 and a period >= 1")
        self.weight, self.period = weight, period

    def __call__(self, images: Tensor) -> Tensor:
        """Series `[S, B, C, T]` -> `[S]`."""
        return self.weight * period_distance(images, self.period)
