"""The relative error of a series."""

import math

import torch

from bench.metrics.series.batch import SeriesBatch
from bench.metrics.series.series_error import SeriesError


def batch(*series: list[list[float]]) -> SeriesBatch:
    return SeriesBatch(torch.tensor([series]), torch.zeros(1, len(series), dtype=torch.int64))


def test_the_error_is_a_share_of_the_norm_over_channels_and_times() -> None:
    truth = batch([[3.0, 0.0], [0.0, 4.0]], [[3.0, 0.0], [0.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]])
    guess = batch([[3.0, 1.0], [0.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]])
    found = SeriesError().score(guess, truth)[0].tolist()
    assert found[:2] == [0.2, 1.0]  # |1| / |(3, 4)|; a constant at the public means
    assert math.isnan(found[2])  # no norm to be a share of
