"""The distance of series from their own lines, against numpy's fit, and its gradient."""

import numpy as np
import pytest
import torch

from bench.priors.trend import Trend, trend_distance


def test_it_is_the_distance_from_a_fitted_line() -> None:
    series = torch.randn(3, 2, 2, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for one, found in zip(series.numpy(), trend_distance(series).tolist()):
        rest = [np.abs(y - np.polyval(np.polyfit(np.arange(7), y, 1), np.arange(7))) for y in one.reshape(-1, 7)]
        assert found == pytest.approx(np.mean(rest), rel=1e-12)


def test_lines_cost_nothing_and_a_single_time_neither() -> None:
    lines = torch.linspace(-2, 5, 9, dtype=torch.float64).expand(1, 2, 3, 9)
    assert trend_distance(lines).item() == pytest.approx(0, abs=1e-12)
    assert trend_distance(torch.ones(2, 1, 1, 1)).tolist() == [0, 0]


def test_the_gradient_is_that_of_the_whole_term() -> None:
    series = torch.randn(1, 1, 2, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.autograd.gradcheck(Trend(0.5), (series.requires_grad_(),))


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="weight=-1: must be >= 0"):
        Trend(-1)
