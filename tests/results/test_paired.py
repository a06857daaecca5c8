"""The paired test: against SciPy's, exact and drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test

from bench.results.paired import EXACT, sign_flip


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_exact_p_is_scipys(n):
    values = np.random.default_rng(n).normal(0.5, 1.0, n)
    found = permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf) if n > 1 else None
    assert sign_flip(values) == pytest.approx(found.pvalue if found else 1.0, abs=1e-12)


def test_drawn_p_is_close_to_the_exact_one():
    values = np.random.default_rng(3).normal(0.45, 1.0, EXACT)
    more = np.append(values, 0.0)  # a pair without a difference changes nothing, and makes one pair too many
    exact = sign_flip(values)
    assert sign_flip(more) == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))


def test_eight_victims_that_all_agree_are_separated():
    assert sign_flip([3.0] * 8) == 2 / 2**8


@given(st.lists(st.floats(-40, 40), min_size=1, max_size=6), st.floats(0.1, 10))
def test_sign_and_scale_do_not_matter(values, scale):
    assert sign_flip(values) == sign_flip([-v for v in values])
    assert 0 < sign_flip([scale * v for v in values]) <= 1


def test_nothing_to_compare_is_refused():
    for values in ([], [np.nan]):
        with pytest.raises(ValueError, match="finite differences"):
            sign_flip(values)
