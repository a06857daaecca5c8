"""Values one period apart."""

import pytest
import torch

from bench.priors.periodicity import Periodicity, period_distance


def test_it_is_the_mean_over_pairs_one_period_apart() -> None:
    series = torch.randn(2, 3, 2, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for one, found in zip(series.tolist(), period_distance(series, 3).tolist()):
        channels = [channel for example in one for channel in example]
        pairs = [abs(channel[t] - channel[t + 3]) for channel in channels for t in range(4)]
        assert found == pytest.approx(sum(pairs) / len(pairs), rel=1e-12)


def test_periodic_series_cost_nothing_and_those_without_pairs_neither() -> None:
    series = torch.tensor([1.0, 5.0, -2.0]).repeat(4).view(1, 1, 1, 12)
    assert period_distance(series, 3).item() == 0 < period_distance(series, 2).item()
    assert Periodicity(7.0, 12)(series).tolist() == [0]


@pytest.mark.parametrize("words", [{"weight": -1, "period": 2}, {"weight": 1, "period": 0}])
def test_refusals(words: dict) -> None:
    with pytest.raises(ValueError, match="want a weight >= 0 and a period >= 1"):
        Periodicity(**words)
