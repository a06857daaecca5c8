"""The mean squared error (MSE) of a time series."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.mse import mean_squared_error
from bench.metrics.series.batch import SeriesBatch, SeriesMetric


class SeriesMSE(SeriesMetric):
    """The mean of (guess - truth)^2 over channels and times, in standard deviations of the channel; lower is better."""

    unit = "squared standard deviation"
    higher_is_better = False
    value_range = (0.0, None)
    column = ScoreColumn("MSE", "geometric mean", places=None, short=None)

    def score(self, guess: SeriesBatch, truth: SeriesBatch) -> Tensor:
        """The MSE per series, `[V, B]`, float64; NaN if it is not finite."""
        values = mean_squared_error(guess.inputs, truth.inputs)
        return values.masked_fill(~values.isfinite(), float("nan"))
