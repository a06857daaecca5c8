"""The share of a row's categories that are right."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.table.batch import RowBatch, RowMetric


class CategoryAccuracy(RowMetric):
    """The share of the columns of categories whose category is right; higher is better.

    A table without such columns has no such score.
    """

    unit = "share of categories"
    higher_is_better = True
    value_range = (0.0, 1.0)
    column = ScoreColumn("categories right", short=None)

    def score(self, guess: RowBatch, truth: RowBatch) -> Tensor:
        """The share of right categories per row, `[V, B]`, float64; NaN without a column of categories."""
        each = guess.columns.right(guess.inputs, truth.inputs, 0.0)
        chosen = torch.tensor([bool(column.categories) for column in guess.columns.columns], device=each.device)
        return each[..., chosen].double().mean(-1)
