"""The error of a row's continuous values, relative to the values."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.table.batch import RowBatch, RowMetric


class RowError(RowMetric):
    """|guess - truth| / |truth| of the standardised continuous values of a row; lower is better, 0 is exact.

    |.| is the Euclidean norm over the continuous columns. The mean of the public rows is 0, so a guess of it has the
    error 1 for every row. A row without continuous columns has no such score, and neither has one that is 0 everywhere.
    """

    unit = "share of the row's norm"
    higher_is_better = False
    value_range = (0.0, None)
    column = ScoreColumn("relative error", "geometric mean", places=None, short=None)

    def score(self, guess: RowBatch, truth: RowBatch) -> Tensor:
        """The relative error per row, `[V, B]`, float64; NaN if it is not finite."""
        places = list(guess.columns.continuous)
        mine, theirs = guess.raw[..., places].double(), truth.inputs[..., places].double()
        error = (mine - theirs).norm(dim=-1) / theirs.norm(dim=-1)
        return error.masked_fill(~error.isfinite(), float("nan"))
