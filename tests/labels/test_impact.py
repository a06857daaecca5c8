"""Protects: counts follow from sums to which each example adds the same impact."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.labels.impact import by_impact, mean_impact

NONE = torch.zeros(4)


def test_sums_that_are_counts_times_the_impact_are_counted_exactly() -> None:
    sums = torch.tensor([-3.0, 0.0, -1.0, -2.0])
    assert mean_impact(sums, 6) == -1.0
    assert by_impact(sums, 6, -1.0, NONE).tolist() == [3, 0, 1, 2]


def test_the_offset_is_what_other_classes_add() -> None:
    """Class 1 has one example, which the offset of 1.5 hides from the sign."""
    sums, offset = torch.tensor([-2.0, 0.5, 1.5, 1.5]), torch.tensor([0.0, 1.5, 1.5, 1.5])
    assert by_impact(sums, 3, -1.0, offset).tolist() == [2, 1, 0, 0]


def test_only_allowed_classes_are_counted() -> None:
    sums = torch.tensor([-3.0, -1.0, 0.5, 0.5])
    assert by_impact(sums, 4, -1.0, NONE, torch.tensor([False, True, True, False])).tolist() in (
        [0, 2, 2, 0],
        [0, 3, 1, 0],
    )


@given(st.lists(st.floats(width=32), min_size=4, max_size=4), st.integers(1, 40))
def test_any_sums_have_counts_of_the_right_sum(sums, total) -> None:
    counts = by_impact(torch.tensor(sums), total, -0.1, NONE)
    assert int(counts.sum()) == total and int(counts.min()) >= 0
