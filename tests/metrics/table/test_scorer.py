"""Rows are assigned one to one by their wrong cells, once per batch, and every score follows the assignment."""

import itertools

import pytest
import torch

from bench.messages.columns import TableColumn, TableColumns
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.label_accuracy import LabelAccuracy
from bench.metrics.table.cell_accuracy import CellAccuracy
from bench.metrics.table.scorer import RowScorer, assign_rows

COLUMNS = TableColumns((TableColumn("age"), TableColumn("owner", ("no", "yes")), TableColumn("work", ("a", "b", "c"))))


def rows(*shape, seed=0):
    return COLUMNS.hard(torch.randn(*shape, COLUMNS.width, generator=torch.Generator().manual_seed(seed)))


def victims(inputs):
    v, b = inputs.shape[:2]
    ids, zeros = torch.arange(v), torch.zeros(v, dtype=torch.int64)
    labels = torch.arange(b).expand(v, b)
    return Victims(inputs, labels, ids, torch.zeros(v, b, dtype=torch.int64), zeros, columns=COLUMNS)


def test_the_assignment_has_the_fewest_wrong_cells_of_all_permutations():
    truth, guess = rows(5, 4), rows(5, 4, seed=1)
    found = assign_rows(guess, truth, COLUMNS)
    for v in range(5):

        def wrong(order, v=v):
            return int((~COLUMNS.right(guess[v][list(order)], truth[v], 0.319)).sum())

        assert sorted(found[v].tolist()) == [0, 1, 2, 3]
        assert wrong(found[v].tolist()) == min(wrong(order) for order in itertools.permutations(range(4)))


def test_rows_in_another_order_score_one_and_their_labels_move_with_them():
    truth = victims(rows(2, 3))
    order = torch.tensor([2, 0, 1])
    given = Reconstruction.of_claim(truth.ids, truth.inputs[:, order], truth.labels[:, order], [Status.BUDGET] * 2)
    scores = RowScorer({"cells": CellAccuracy(0.319), "label": LabelAccuracy()})(given, truth)
    assert scores.values["cells"].eq(1).all() and scores.values["label"].eq(1).all()


def test_a_victim_that_is_not_finite_has_no_score():
    truth = victims(rows(2, 2))
    broken = truth.inputs.clone()
    broken[1, 0, 0] = torch.nan
    given = Reconstruction.of_claim(truth.ids, broken, truth.labels, [Status.BUDGET] * 2)
    scores = RowScorer({"cells": CellAccuracy(0.319)})(given, truth)
    assert scores.values["cells"][0].eq(1).all() and scores.values["cells"][1].isnan().all()


def test_rows_without_columns_are_refused():
    truth = victims(rows(1, 1))
    truth.columns = None
    with pytest.raises(ValueError, match="want rows with their columns"):
        RowScorer({})(Reconstruction.of_claim(truth.ids, truth.inputs, truth.labels, [Status.BUDGET]), truth)
