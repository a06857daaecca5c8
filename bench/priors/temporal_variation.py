"""Total variation along time (Rudin, Osher, Fatemi 1992), which takes the place of that of images."""

from typing import ClassVar

from torch import Tensor

from bench.priors.weighted import WeightedPrior


def temporal_variation(series: Tensor) -> Tensor:
    """`mean |x_{t + 1} - x_t|` over channels and times: `[S, B, C, T]` -> `[S]`, 0 for constant series.

    Channels are no neighbours of each other, so no difference is taken between them. A series of one time adds 0.

    Example:
        >>> import torch
        >>> temporal_variation(torch.tensor([0.0, 1.0, 3.0]).view(1, 1, 1, 3)).tolist()
        [1.5]
    """
    if series.shape[-1] == 1:
        return series.new_zeros(len(series))
    return series.diff(dim=-1).abs().flatten(1).mean(1)


class TemporalVariation(WeightedPrior):
    """`temporal_variation` times a weight.

    Args:
        weight: factor relative to a distance of weight 1, >= 0.

    Raises:
        ValueError: weight is negative.
    """

    of_series: ClassVar[bool] = True

    penalty = staticmethod(temporal_variation)
