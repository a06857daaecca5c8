"""Runs of one batch are matched row by row, and vote on every cell."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.engine.pooling import pool
from bench.messages.columns import TableColumn, TableColumns

COLUMNS = TableColumns((TableColumn("age"), TableColumn("owner", ("no", "yes")), TableColumn("work", ("a", "b", "c"))))


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_runs_in_other_orders_are_the_same_rows(one, other):
    rows = torch.arange(4.0)[:, None] * torch.tensor([3.0, 0, 1, 0, 0, 1])
    found = pool(torch.stack([rows, rows[list(one)], rows[list(other)]]), COLUMNS)
    assert torch.equal(found.rows, rows) and torch.equal(found.uncertainty[:, 0], torch.zeros(4))


def test_the_median_is_that_of_the_middle():
    runs = torch.tensor([[[1.0, 1, 0, 1, 0, 0]], [[2.0, 0, 1, 1, 0, 0]], [[9.0, 1, 0, 0, 1, 0]]])
    found = pool(runs, COLUMNS)
    assert found.rows.tolist() == [[2.0, 1, 0, 1, 0, 0]]
    even = pool(runs[:2], COLUMNS)
    assert even.rows.tolist() == [[1.5, 0.5, 0.5, 1, 0, 0]]


def test_uncertainty_is_the_entropy_of_the_votes_and_the_spread_of_the_values():
    runs = torch.tensor([[[1.0, 1, 0, 0.9, 0.1, 0]], [[3.0, 0, 1, 0.8, 0.2, 0]]], dtype=torch.float64)
    age, owner, work = pool(runs, COLUMNS).uncertainty[0].tolist()
    assert (age, work) == (1.0, 0.0) and math.isclose(owner, 1.0)  # one vote each is the largest entropy of two
    third = pool(torch.cat([runs, runs[:1]]), COLUMNS).uncertainty[0, 1].item()
    assert math.isclose(third, -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3)))
