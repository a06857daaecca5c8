"""Total variation along time, which takes no difference between channels."""

from itertools import pairwise

import pytest
import torch

from bench.priors.temporal_variation import TemporalVariation, temporal_variation


def test_it_is_the_mean_step_along_time() -> None:
    series = torch.randn(2, 3, 2, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for one, found in zip(series.tolist(), temporal_variation(series).tolist()):
        channels = [channel for example in one for channel in example]
        steps = [abs(b - a) for channel in channels for a, b in pairwise(channel)]
        assert found == pytest.approx(sum(steps) / len(steps), rel=1e-12)


def test_constant_channels_of_several_levels_cost_nothing() -> None:
    assert temporal_variation(torch.tensor([1.0, -4.0]).view(1, 1, 2, 1).expand(1, 1, 2, 5)).tolist() == [0]
    assert temporal_variation(torch.ones(1, 1, 2, 1)).tolist() == [0]


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="weight=-1: must be >= 0"):
        TemporalVariation(-1)
