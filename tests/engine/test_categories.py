"""Categories as shares: what a softmax of each column makes of the variables, and the way back."""

import pytest
import torch

from bench.engine.categories import SoftCategories
from bench.messages.columns import TableColumn, TableColumns

COLUMNS = TableColumns((TableColumn("owner", ("no", "yes")), TableColumn("age"), TableColumn("work", ("a", "b", "c"))))
MAP = SoftCategories(COLUMNS)


def test_values_stay_and_shares_sum_to_one():
    z = torch.randn(4, 2 * 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows, apart = MAP.images(z, 2, (6,)), z.reshape(4, 2, 6)
    assert torch.equal(rows[..., 2], apart[..., 2])
    for start, stop in ((0, 2), (3, 6)):
        wanted = apart[..., start:stop].exp()
        wanted = wanted / wanted.sum(-1, keepdim=True)
        assert torch.allclose(rows[..., start:stop], wanted, atol=1e-12)
    assert MAP.size(2, (6,)) == 12 and not MAP.are_pixels


def test_rows_come_back_from_their_variables():
    rows = MAP.images(torch.randn(3, 6, generator=torch.Generator().manual_seed(1)), 1, (6,))
    assert torch.allclose(MAP.images(MAP.encode(rows).reshape(3, 6), 1, (6,)), rows, atol=1e-6)
    hard = torch.tensor([1.0, 0, 0.5, 0, 1, 0])
    back = MAP.images(MAP.encode(hard).reshape(1, 6), 1, (6,))[0, 0]
    assert torch.allclose(back, hard, atol=1e-5)  # a share of 1e-6 stands for none


@pytest.mark.parametrize("start", MAP.starts)
def test_a_start_is_the_runs_own(start):
    def drawn(*run):
        return MAP.first(start, 2, (6,), (-3.0, 3.0), run, torch.float32)

    assert drawn(0, 1, 0).shape == (12,) and torch.equal(drawn(0, 1, 0), drawn(0, 1, 0))
    assert not torch.equal(drawn(0, 1, 0), drawn(0, 1, 1))
    assert start != "gray" or drawn(0, 1, 0).abs().max() <= 0.06  # 1 % of the range to either side of the mean
