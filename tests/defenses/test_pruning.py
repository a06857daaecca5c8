"""Exactly the smallest entries go, in the number that was said."""

import numpy as np
import pytest
import torch
from defenses.trees import protected, tree
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.defenses.pruning import Pruning, across, largest, left

FRACTIONS = [0.01, 0.1, 0.2, 0.7, 0.9, 0.99]


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_each_tensor_against_a_sort_in_numpy(fraction):
    for name, value in protected(Pruning(fraction, "tensor"), tree())[0].items():
        clean = tree()[name].numpy().ravel()
        order = np.argsort(np.abs(clean), kind="stable")
        expected = clean.copy()
        expected[order[: round(fraction * clean.size)]] = 0
        np.testing.assert_array_equal(value.numpy().ravel(), expected)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_a_tensor_is_cut_at_its_quantile(fraction):
    clean = tree()["fc.weight"].numpy()
    pruned = protected(Pruning(fraction, "tensor"), tree())[0]["fc.weight"].numpy()
    gone = pruned == 0
    assert abs(gone.mean() - fraction) <= 0.5 / clean.size + 1e-9
    # the quantile interpolates between ranks 0 and n - 1: one entry may lie on the other side of it
    assert (gone != (np.abs(clean) < np.quantile(np.abs(clean), fraction))).sum() <= 1


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_the_whole_gradient_against_a_sort_in_numpy(fraction):
    pruned = protected(Pruning(fraction, "model"), tree())[0]
    clean = np.concatenate([value.numpy().ravel() for value in tree().values()])
    expected = clean.copy()
    expected[np.argsort(np.abs(clean), kind="stable")[: round(fraction * clean.size)]] = 0
    np.testing.assert_array_equal(np.concatenate([pruned[name].numpy().ravel() for name in tree()]), expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=40), st.data())
def test_any_values_and_ties_leave_the_number_asked_for(values, data):
    value = torch.tensor(values)
    count = data.draw(st.integers(0, len(values)))
    kept = largest(value, count)
    assert ((kept == value) | (kept == 0)).all()
    assert (kept != 0).sum() == min(count, int((value != 0).sum()))
    assert kept.abs().sum() == pytest.approx(float(value.abs().sort(descending=True).values[:count].sum()), rel=1e-5)


def test_numbers_left():
    assert [left(100, fraction) for fraction in (0.0, 0.29, 0.7)] == [100, 71, 30]
    assert sum((value != 0).sum() for value in across(tree(), 7).values()) == 7


def test_a_fraction_beyond_its_range_is_refused():
    for fraction in (-0.1, 1.0, 70):
        with pytest.raises(ValueError, match="fraction="):
            Pruning(fraction, "tensor")
    with pytest.raises(ValueError, match="scope="):
        Pruning(0.5, "layer")
