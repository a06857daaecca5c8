"""Protects the counts that label inference is judged by, against a plain search over all pairings."""

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.labels.score import LabelScore, counts, score

BATCH = st.lists(st.integers(0, 3), min_size=1, max_size=5)


@settings(max_examples=40)
@given(BATCH, BATCH)
def test_right_is_the_best_that_any_pairing_of_claims_and_examples_reaches(
    claimed: list[int], truth: list[int]
) -> None:
    padded = claimed + [-1] * (len(truth) - len(claimed))
    best = max(sum(a == b for a, b in zip(order, truth)) for order in permutations(padded, len(truth)))
    found = score(torch.tensor(claimed), torch.tensor(truth))
    assert (found.labels, found.right) == (len(truth), best)
    assert found.classes_right == len(set(claimed) & set(truth))
    assert (found.classes_true, found.classes_claimed) == (len(set(truth)), len(set(claimed)))


@pytest.mark.parametrize(
    ("claimed", "truth", "want"),
    [
        ([], [1, 1], (2, 0, 0, 1, 0)),  # a rule that failed claims nothing
        ([5] * 40, [5] * 40, (40, 40, 1, 1, 1)),  # one class, more examples than classes
        ([2, 7, -1], [[2, -100, 2], [7, 7, -100]], (4, 2, 2, 2, 2)),  # tokens: a set, and places without a label
    ],
)
def test_no_batch_is_an_exception(claimed: list, truth: list, want: tuple[int, ...]) -> None:
    assert score(torch.tensor(claimed, dtype=torch.long), torch.tensor(truth)) == LabelScore(*want)


def test_counts_leave_out_what_is_no_class() -> None:
    assert counts(torch.tensor([[3, -100], [3, 0]])) == {3: 2, 0: 1}
