"""The trend term of TS-Inverse (Meijer et al. 2025, arXiv 2503.20952): the distance of series from their own lines."""

from typing import ClassVar

import torch
from torch import Tensor

from bench.priors.weighted import WeightedPrior


def trend_distance(series: Tensor) -> Tensor:
    """`mean |x_t - (a + b t)|` with the least-squares line a + b t of each channel: `[S, B, C, T]` -> `[S]`.

    It is 0 for series of straight lines, and so for constant ones.

    Example:
        >>> trend_distance(torch.tensor([0.0, 3.0, 0.0]).view(1, 1, 1, 3)).tolist()
        [1.3333333730697632]
    """
    times = torch.arange(series.shape[-1], dtype=series.dtype, device=series.device)
    times = times - times.mean()
    mean = series.mean(-1, keepdim=True)
    slope = (series * times).sum(-1, keepdim=True) / times.square().sum().clamp(min=1)  # 0 / 1 for a single time
    return (series - mean - slope * times).abs().flatten(1).mean(1)


class Trend(WeightedPrior):
    """`trend_distance` times a weight.

    Departs: the authors' code fits the line to the first channel, continued by the values to forecast; here each
    channel has a line of its own. The code takes the line for a constant when it differentiates; here the gradient is
    that of the whole term, so that line searches can use it.

    Args:
        weight: factor relative to a distance of weight 1, >= 0.

    Raises:
        ValueError: weight is negative.
    """

    of_series: ClassVar[bool] = True

    penalty = staticmethod(trend_distance)
