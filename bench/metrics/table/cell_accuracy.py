"""The share of a row's cells that are right."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.base import positive
from bench.metrics.column import ScoreColumn
from bench.metrics.table.batch import RowBatch, RowMetric


class CellAccuracy(RowMetric):
    """The share of the cells of a row that are right: categories that are equal, and values within a tolerance.

    It is the accuracy of TabLeak (Vero et al. 2023, ICML): a cell is a column of the table, however many numbers stand
    for it, and every column counts the same. Higher is better; 1 means that every cell came back.

    Args:
        tolerance: the largest difference of a continuous value that counts as right, in standard deviations of its
            column, > 0.

    Raises:
        UserError: `tolerance` is not a positive number.
    """

    unit = "share of cells"
    higher_is_better = True
    value_range = (0.0, 1.0)
    column = ScoreColumn("cells right", short="cells", bounds=True)

    def __init__(self, tolerance: float) -> None:
        super().__init__()
        positive("cell_accuracy", tolerance=tolerance)
        self.tolerance = tolerance

    def score(self, guess: RowBatch, truth: RowBatch) -> Tensor:
        """The share of right cells per row, `[V, B]`, float64."""
        return guess.columns.right(guess.inputs, truth.inputs, self.tolerance).double().mean(-1)
