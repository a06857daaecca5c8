"""The error of a time series, relative to its values."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.series.batch import SeriesBatch, SeriesMetric


class SeriesError(SeriesMetric):
    """|guess - truth| / |truth| of the standardised values; lower is better, 0 is exact.

    |.| is the Euclidean norm over all channels and times. A channel's public mean is 0, so a guess of it at all times
    has the error 1 for every series. A series that is 0 everywhere has no such score.
    """

    unit = "share of the series' norm"
    higher_is_better = False
    value_range = (0.0, None)
    column = ScoreColumn("relative error", "geometric mean", places=None, short="error")

    def score(self, guess: SeriesBatch, truth: SeriesBatch) -> Tensor:
        """The relative error per series, `[V, B]`, float64; NaN if it is not finite."""
        mine, theirs = guess.inputs.double().flatten(2), truth.inputs.double().flatten(2)
        error = (mine - theirs).norm(dim=-1) / theirs.norm(dim=-1)
        return error.masked_fill(~error.isfinite(), float("nan"))
