"""Protects: an estimate of counts becomes whole counts of the right sum, whatever the estimate."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from observations import net, observe

from bench.errors import NotApplicable
from bench.labels.base import labels_of, last_bias, last_weight, whole_counts


@given(st.lists(st.floats(width=32), min_size=1, max_size=9), st.integers(1, 300))
def test_any_estimate_becomes_counts_of_the_right_sum(estimate, total) -> None:
    """NaN and infinity included: a diverged update has a figure too."""
    counts = whole_counts(torch.tensor(estimate), total)
    assert int(counts.sum()) == total and int(counts.min()) >= 0


def test_an_exact_estimate_is_kept_and_the_worst_rounding_is_changed() -> None:
    assert whole_counts(torch.tensor([2.0, 0.0, 5.0]), 7).tolist() == [2, 0, 5]
    assert whole_counts(torch.tensor([1.9, 0.4, 0.1]), 3).tolist() == [2, 1, 0]
    assert whole_counts(torch.tensor([1.9, 0.6, 0.9]), 3).tolist() == [2, 0, 1]


def test_counts_become_labels() -> None:
    assert labels_of(torch.tensor([[0, 3], [2, 1]])).tolist() == [[1, 1, 1], [0, 0, 1]]


@pytest.mark.parametrize("read", [last_weight, last_bias])
def test_a_gradient_that_is_not_there_is_refused(read) -> None:
    seen, *_ = observe(net())
    assert read(seen).shape[:2] == (3, 4)
    for other in (
        replace(seen, gradients={}),
        replace(seen, task=replace(seen.task, last_linear=None, last_bias=None)),
    ):
        with pytest.raises(NotApplicable, match=r"^label inference needs a"):
            read(other)
