"""The mean squared error of a series, which is not clipped."""

import math

import torch

from bench.metrics.series.batch import SeriesBatch
from bench.metrics.series.series_mse import SeriesMSE


def test_it_is_the_mean_over_channels_and_times_without_bounds() -> None:
    truth = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])
    guess = torch.tensor([[[[2.0, 1.0], [2.0, -1.0]]], [[[torch.inf, 0.0], [0.0, 0.0]]]])
    labels = torch.zeros(2, 1, dtype=torch.int64)
    found = SeriesMSE().score(SeriesBatch(guess, labels), SeriesBatch(truth, labels)).flatten().tolist()
    assert found[0] == 5.0 and math.isnan(found[1])  # (4 + 16) / 4
