"""Intervals against SciPy and a textbook, and their behaviour where a formula would claim too much."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.results.intervals import mean, rate, wilson


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_scipy(counts: tuple[int, int]) -> None:
    k, n = counts
    expected = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_of_the_textbook(k: int, n: int, low: float, high: float) -> None:
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_refuses_nonsense() -> None:
    for k, n in ((1, 0), (3, 2), (-1, 5)):
        with pytest.raises(ValueError, match="successes"):
            wilson(k, n)


def test_bootstrap_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).gamma(2.0, size=60)
    ours = mean(values, np.arange(60))
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=2).confidence_interval
    # Monte Carlo error of a 2.5 % quantile from 2000 resamples is about 0.06 standard errors; four of them.
    tolerance = 4 * 0.06 * values.std() / np.sqrt(60)
    assert ours.mean == pytest.approx(values.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=tolerance)
    assert ours.n == 60


def test_samples_of_a_batch_are_not_independent() -> None:
    """Eight equal samples a victim tell no more than one: the interval is that of the victims."""
    values = np.random.default_rng(3).normal(size=20)
    once = mean(values, np.arange(20))
    eight = mean(np.repeat(values, 8), np.repeat(np.arange(20), 8))
    assert (eight.low, eight.high) == pytest.approx((once.low, once.high))
    assert (once.n, eight.n) == (20, 160)


def test_every_sample_has_the_same_weight() -> None:
    assert mean([1.0, 1.0, 1.0, 5.0], [0, 0, 0, 1]).mean == 2.0


def test_a_report_is_the_same_twice_and_in_any_order() -> None:
    values = np.arange(30) % 7
    assert mean(values, np.arange(30)) == mean(values, np.arange(30))
    back = mean(values[::-1], np.arange(30)[::-1])
    assert back == mean(values, np.arange(30))


def test_one_victim_has_a_mean_and_no_interval() -> None:
    assert mean([1.0, 3.0], [7, 7]).document() == {"mean": 2.0, "low": None, "high": None, "n": 2}


@pytest.mark.parametrize("values", [[], [np.nan], [1.0, np.inf]])
def test_undefined_values_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        mean(values, range(len(values)))


def test_rate_of_single_images_is_wilsons() -> None:
    found = rate([1, 1, 1, 0], [0, 1, 2, 3])
    assert (found.low, found.high) == wilson(3, 4)
    assert (found.mean, found.n) == (0.75, 4)


def test_rate_of_batches_resamples_batches() -> None:
    values, victims = [1, 1, 0, 0, 1, 0, 1, 1], [0, 0, 1, 1, 2, 2, 3, 3]
    assert rate(values, victims) == mean(values, victims)


@pytest.mark.parametrize("value", [0, 1])
def test_agreeing_batches_claim_no_certainty(value: int) -> None:
    found = rate([value] * 12, np.repeat([0, 1, 2], 4))
    assert (found.low, found.high) == pytest.approx(wilson(3 * value, 3))
    assert found.n == 12


def test_a_rate_is_over_zeros_and_ones() -> None:
    with pytest.raises(ValueError, match="zeros and ones"):
        rate([0.5], [0])


def test_many_victims_fit_in_memory() -> None:
    found = mean(np.arange(20_000) % 2, np.arange(20_000))
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / np.sqrt(20_000), abs=4e-4)
