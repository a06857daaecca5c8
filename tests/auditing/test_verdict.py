"""The verdict: errors beside those of controls, labels beside guesses, and words for the whole."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.auditing.verdict import (
    Recovery,
    TargetFinding,
    Thresholds,
    Verdict,
    binary_found,
    classes_found,
    judged,
    mask_found,
    overall,
    real_found,
)

AT = Thresholds(0.02, 0.3)
NO_TARGETS = TargetFinding("none", False, 0, 0, None, False)


def double(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def one(error: float, control: float):
    return judged(double(error), {"gray": double(control), "worse": double(9.0)}, AT)[0]


@pytest.mark.parametrize(
    ("error", "control", "word"),
    [
        (0.02, 1.0, Recovery.RECOVERED),
        (0.0201, 1.0, Recovery.PARTLY),
        (0.3, 1.0, Recovery.PARTLY),
        (0.31, 1.0, Recovery.NOT),
        (1e-6, 1e-7, Recovery.NOT),
        (0.0, 0.0, Recovery.NOT),
        (math.nan, 1.0, Recovery.NOT),
    ],
)
def test_an_input_is_judged_by_its_best_control(error: float, control: float, word: Recovery) -> None:
    found = one(error, control)
    assert found.found is word and found.best_control == "gray"


@given(st.floats(0, 10), st.floats(0, 10))
def test_an_error_is_recovered_only_if_a_larger_one_is_not_worse(error: float, more: float) -> None:
    order = [Recovery.RECOVERED, Recovery.PARTLY, Recovery.NOT]
    assert order.index(AT.judge(error)) <= order.index(AT.judge(error + more))


@pytest.mark.parametrize(("recovered", "partly"), [(0.0, 0.3), (0.4, 0.3), (0.1, 1.0)])
def test_thresholds_are_shares_in_their_order(recovered: float, partly: float) -> None:
    with pytest.raises(ValueError, match="0 < recovered <= partly < 1"):
        Thresholds(recovered, partly)


def test_the_whole_is_its_worst_part() -> None:
    labels = TargetFinding("classes", False, 1, 1, 0.1, True)
    assert overall([one(0.01, 1), one(0.9, 1)], NO_TARGETS) is Verdict.LEAKS
    assert overall([one(0.2, 1), one(0.9, 1)], NO_TARGETS) is Verdict.PARTLY
    assert overall([one(0.9, 1)], labels) is Verdict.PARTLY
    assert overall([one(0.9, 1)], NO_TARGETS) is Verdict.NOTHING_FOUND


@pytest.mark.parametrize(
    ("claimed", "truth", "classes", "right", "found"),
    [
        ([3], [3], 10, 1, True),  # a guess in ten
        ([1], [1], 2, 1, False),  # a coin
        ([4], [3], 10, 0, False),
        ([-1], [3], 10, 0, False),
        ([1, 2, 3], [3, 1, 2], 10, 3, True),  # in any order
        ([0, 0, 0], [0, 1, 2], 4, 1, False),
    ],
)
def test_labels_count_beside_guesses(claimed, truth, classes: int, right: int, found: bool) -> None:
    result = classes_found(claimed, truth, classes)
    assert (result.right, result.total, result.found) == (right, len(truth), found)


def test_the_probability_of_a_guess_is_that_of_its_counting() -> None:
    # Both labels of a batch of two classes, without order: {0, 1} is guessed in 2 of 4 cases. 4,000 draws have a
    # standard error of 0.008.
    assert classes_found([0, 1], [1, 0], 2).chance == pytest.approx(0.5, abs=0.04)
    # All 8 zeros and ones in one of 256 cases, 7 of them at least in 9 of 256.
    truth = torch.tensor([[0.0, 1, 1, 0, 0, 1, 0, 1]])
    assert binary_found(truth, truth).chance == pytest.approx(1 / 256)
    near = truth.clone()
    near[0, 0] = 1
    assert binary_found(near, truth).chance == pytest.approx(9 / 256)


def test_masks_count_beside_an_even_one_and_numbers_beside_their_center() -> None:
    mask = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1]])
    assert mask_found(mask, mask, 2, 0.3).found
    assert not mask_found(torch.ones_like(mask), mask, 2, 0.3).found
    assert not mask_found(torch.ones_like(mask), torch.ones_like(mask), 2, 0.3).found
    truth = torch.tensor([3.0, -1.0])
    assert real_found(torch.tensor([3.1, 0.0]), truth, 0.0, 0.02, "real").right == 1
    assert not real_found(torch.zeros(2), truth, 0.0, 0.02, "real").found
