"""The error of the continuous values of a row."""

import math

import torch

from bench.messages.columns import TableColumn, TableColumns
from bench.metrics.table.batch import RowBatch
from bench.metrics.table.row_error import RowError

COLUMNS = TableColumns((TableColumn("age"), TableColumn("height"), TableColumn("owner", ("no", "yes"))))


def batch(*rows):
    inputs = torch.tensor([rows], dtype=torch.float32)
    return RowBatch.hardened(inputs, torch.zeros(1, len(rows), dtype=torch.int64), COLUMNS)


def test_the_error_is_a_share_of_the_norm_of_the_values_alone():
    truth = batch([3.0, 4.0, 1, 0], [3.0, 4.0, 1, 0], [0.0, 0.0, 1, 0])
    guess = batch([3.0, 3.0, 0, 1], [0.0, 0.0, 1, 0], [1.0, 0.0, 1, 0])
    found = RowError().score(guess, truth)[0].tolist()
    assert found[:2] == [0.2, 1.0] and math.isnan(found[2])  # |(0, 1)| / 5; the mean row; no norm to be a share of
