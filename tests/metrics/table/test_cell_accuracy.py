"""The share of right cells, on rows that one can count by hand."""

import pytest
import torch

from bench.errors import UserError
from bench.messages.columns import TableColumn, TableColumns
from bench.metrics.table.batch import RowBatch
from bench.metrics.table.cell_accuracy import CellAccuracy

COLUMNS = TableColumns((TableColumn("age"), TableColumn("height"), TableColumn("owner", ("no", "yes"))))


def batch(*rows):
    inputs = torch.tensor([rows], dtype=torch.float32)
    return RowBatch.hardened(inputs, torch.zeros(1, len(rows), dtype=torch.int64), COLUMNS)


def test_every_column_counts_the_same():
    truth = batch([1.0, 2.0, 1, 0], [1.0, 2.0, 1, 0], [1.0, 2.0, 1, 0])
    guess = batch([1.3, 2.0, 1, 0], [1.33, 1.9, 0, 1], [9.0, 9.0, 0.1, 0.3])
    assert CellAccuracy(0.319).score(guess, truth).tolist() == [[1.0, 1 / 3, 0.0]]
    assert CellAccuracy(0.5).score(guess, truth).tolist() == [[1.0, 2 / 3, 0.0]]


def test_a_tolerance_is_a_positive_number():
    with pytest.raises(UserError, match=r"metric\.cell_accuracy\.tolerance=0"):
        CellAccuracy(0)
