"""The share of right categories, which values do not change."""

import math

import torch

from bench.messages.columns import TableColumn, TableColumns
from bench.metrics.table.batch import RowBatch
from bench.metrics.table.category_accuracy import CategoryAccuracy

COLUMNS = TableColumns((TableColumn("age"), TableColumn("owner", ("no", "yes")), TableColumn("work", ("a", "b", "c"))))
VALUES = TableColumns((TableColumn("age"), TableColumn("height")))


def batch(*rows, columns=COLUMNS):
    inputs = torch.tensor([rows], dtype=torch.float32)
    return RowBatch.hardened(inputs, torch.zeros(1, len(rows), dtype=torch.int64), columns)


def test_values_do_not_count():
    truth = batch([1.0, 1, 0, 0, 0, 1], [1.0, 1, 0, 0, 0, 1])
    guess = batch([9.0, 0.3, 0.1, 0, 0, 1], [1.0, 1, 0, 0, 1, 0])
    assert CategoryAccuracy().score(guess, truth).tolist() == [[1.0, 0.5]]


def test_a_table_without_categories_has_no_share_of_them():
    rows = batch([1.0, 2.0], columns=VALUES)
    assert math.isnan(CategoryAccuracy().score(rows, rows).item())
