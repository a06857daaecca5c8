"""The bootstrap-t against the textbook: each resample written out, with its own mean and its own standard error."""

import numpy as np
import pytest
from scipy import stats

from bench.results import bootstrap
from bench.results.bootstrap import quantiles, student

SEED = 5


def plain(sums: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Efron and Tibshirani 1993, section 12.5, with victims as the unit, from the same draws as the code takes.

    The standard error is the cluster-robust one of Liang and Zeger 1986; of 2000 values, the 51st and the 1950th lie
    next to the quantiles 0.025 and 0.975.
    """
    rng, groups, values = np.random.default_rng(SEED), len(counts), []
    truth = sums.sum() / counts.sum()
    for _ in range(2000):
        drawn = rng.integers(groups, size=groups)
        own, sizes = sums[drawn], counts[drawn]
        mean = own.sum() / sizes.sum()
        error = np.sqrt(groups / (groups - 1) * ((own - mean * sizes) ** 2).sum()) / sizes.sum()
        values.append((mean - truth) / error)
    values.sort()
    return values[1949], values[50]


def residuals_of(sums: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, float]:
    residuals, groups = sums - sums.sum() / counts.sum() * counts, len(counts)
    return residuals, float(np.sqrt(groups / (groups - 1) * (residuals**2).sum()) / counts.sum())


@pytest.mark.parametrize("sizes", ["one", "four", "different"])
def test_quantiles_are_those_of_the_textbook(sizes: str) -> None:
    """With batches of one size the code takes a short cut, which must not show."""
    rng = np.random.default_rng(0)
    counts = {"one": np.ones(31), "four": np.full(31, 4), "different": rng.integers(1, 5, 31)}[sizes].astype(int)
    sums = rng.gamma(2.0, size=31) * counts
    assert quantiles(*_given(sums, counts)) == pytest.approx(plain(sums, counts), rel=1e-9)


def _given(sums: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, int]:
    residuals, error = residuals_of(sums, counts)
    return residuals, counts, error, SEED


def test_few_victims_and_equal_ones_have_students_quantiles() -> None:
    """29 resampled victims are too few to show a skew, and victims without a spread show none."""
    values = np.random.default_rng(1).gamma(2.0, size=29)
    t = stats.t.ppf(0.975, 28)
    assert quantiles(*_given(values, np.ones(29, int))) == pytest.approx((t, -t))
    assert quantiles(np.zeros(40), np.ones(40, int), 0.0, SEED) == (student(39), -student(39))
    assert [student(n) for n in (1, 2, 30)] == pytest.approx([stats.t.ppf(0.975, n) for n in (1, 2, 30)])


def test_resamples_without_a_spread_have_an_infinite_quantile() -> None:
    """A third of the resamples lack the one victim that differs: their mean is off, and their error is 0."""
    high, low = quantiles(*_given(np.r_[np.zeros(39), 1.0], np.ones(40, int)))
    assert low == -np.inf and np.isfinite(high)


def test_the_memory_that_is_allowed_changes_no_quantile(monkeypatch: pytest.MonkeyPatch) -> None:
    given = _given(np.random.default_rng(2).gamma(2.0, size=30), np.ones(30, int))
    whole = quantiles(*given)
    monkeypatch.setattr(bootstrap, "_DRAWS", 30 * 700)  # 700 resamples at once, and 600 at last
    # Sums of 30 numbers may be added in another order.
    assert quantiles(*given) == pytest.approx(whole, rel=1e-12)
