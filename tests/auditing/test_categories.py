"""Columns that hold a category together, and rows whose categories are shares under a softmax."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.auditing.categories import CategoryColumns, CategoryRows
from bench.auditing.kinds.base import Knowledge
from bench.auditing.kinds.tables import Tables
from bench.errors import UserError


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([3, 4], "want a list of columns for each category, such as"),
        ("3-4", "want a list of columns for each category"),
        ([[0.0, 1.0]], "want a list of columns for each category"),
        ([[0, 1], [1, 2]], "column 1 is named twice"),
        ([[2, 2]], "column 2 is named twice"),
        ([[3, 5]], "there is no column 5; the rows have columns 0 to 4"),
        ([[-1, 0]], "there is no column -1"),
        ([[3]], r"\[3\] has fewer than two columns"),
        ([[]], r"\[\] has fewer than two columns"),
    ],
)
def test_bad_groups_are_one_line(given, words: str) -> None:
    with pytest.raises(UserError, match=f"^categories.*{words}") as caught:
        CategoryColumns.of(given, 5)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [[0.5, 0.5, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [2.0, -1.0, 0.0]])
def test_rows_without_one_category_are_one_line(bad: list[float]) -> None:
    rows = torch.tensor([[7.0, 1.0, 0.0, 0.0], [7.0, *bad]])
    with pytest.raises(UserError, match=r"^batch: the columns \[1, 2, 3\] of categories= hold .* in row 1; want a 1"):
        CategoryColumns.of([(1, 2, 3)], 4).check(rows, "batch")


@settings(max_examples=30, deadline=None)
@given(columns=st.permutations(range(7)), sizes=st.lists(st.integers(2, 3), max_size=2))
def test_every_column_has_one_place(columns: list[int], sizes: list[int]) -> None:
    """Whichever columns belong together, in whatever order they are named."""
    groups = [columns[sum(sizes[:at]) : sum(sizes[: at + 1])] for at in range(len(sizes))]
    found = CategoryColumns.of(groups, 7)
    assert sorted(found.order) == list(range(7)) and found.columns.width == 7
    theirs = {tuple(found.order[start:stop]) for start, stop in found.columns.groups}
    assert theirs == {tuple(sorted(group)) for group in groups}
    assert found.within.tolist() == [any(at in group for group in groups) for at in range(7)]


def variables(further: int = 0) -> CategoryRows:
    found = Tables((5,), Knowledge(categories=[[0, 3], [1, 4]])).variables(further)
    assert found is not None
    return found


def test_the_shares_of_a_category_are_a_softmax_and_a_value_is_itself() -> None:
    rows = Tables((5,), Knowledge(categories=[[0, 3], [1, 4]]))
    z = torch.randn(2, 3, 6, 1, 1, generator=torch.Generator().manual_seed(0))  # one more for a target
    decoded = variables(further=1).decode(z)
    user = rows.to_user()(decoded[:, :, :5].flatten(0, 1)).reshape(2, 3, 5)
    # z is in the order of the columns 0, 3, 1, 4, 2; in float32 a softmax is right to seven digits.
    flat = z.flatten(2)
    torch.testing.assert_close(user[..., [0, 3]], flat[..., :2].softmax(-1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(user[..., [1, 4]], flat[..., 2:4].softmax(-1), rtol=1e-5, atol=1e-6)
    assert torch.equal(decoded[:, :, [2, 5], 0, 0], flat[..., 4:])


def test_encoding_gives_the_same_rows_again() -> None:
    map_ = variables()
    rows = map_.decode(torch.randn(2, 3, 5, 1, 1, generator=torch.Generator().manual_seed(0)))
    # The logarithm of a share loses digits where the share is small, of which there is none here.
    torch.testing.assert_close(map_.decode(map_.encode(rows)), rows, rtol=1e-4, atol=1e-5)
    assert len({hash(map_), hash(variables())}) == 1 and map_ == variables()
