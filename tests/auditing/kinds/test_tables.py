"""Rows: the share of cells that are right."""

import torch

from bench.auditing.kinds.base import Knowledge
from bench.auditing.kinds.tables import Tables


def test_a_cell_is_right_within_a_tenth_of_its_columns_deviation() -> None:
    rows = Tables((4,), Knowledge(mean=[0.0, 0.0, 5.0, 5.0], std=[1.0, 1.0, 10.0, 10.0]))
    truth = torch.tensor([[1.0, 1.0, 5.0, 5.0]])
    guess = truth + torch.tensor([[0.09, 0.11, 0.9, 1.1]])
    assert float(rows.scores(rows.pack(guess), rows.pack(truth))["cells"]) == 0.5
