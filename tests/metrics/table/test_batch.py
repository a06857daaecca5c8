"""One side of a comparison of rows: categories are hard, and what the attack returned stays beside them."""

import pytest
import torch

from bench.messages.columns import TableColumn, TableColumns
from bench.metrics.table.batch import RowBatch

COLUMNS = TableColumns((TableColumn("age"), TableColumn("owner", ("no", "yes"))))
LABELS = torch.tensor([[1], [0]])


def test_a_category_is_the_largest_number_and_nan_is_no_category_of_its_own():
    raw = torch.tensor([[[torch.nan, 0.2, 0.1]], [[7.0, torch.nan, 0.5]]])
    batch = RowBatch.hardened(raw, LABELS, COLUMNS)
    assert batch.inputs.tolist() == [[[0.0, 1.0, 0.0]], [[7.0, 0.0, 1.0]]]
    assert batch.raw is raw and batch.victims(torch.tensor([False, True])).labels.tolist() == [[0]]


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"want \[V, B, 3\] twice"):
        RowBatch(torch.zeros(2, 1, 4), torch.zeros(2, 1, 4), LABELS, COLUMNS)
    with pytest.raises(ValueError, match=r"labels: want \[2, 1\]"):
        RowBatch(torch.zeros(2, 1, 3), torch.zeros(2, 1, 3), LABELS[0], COLUMNS)
