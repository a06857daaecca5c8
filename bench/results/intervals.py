"""95 % intervals of the figures in tables: means, geometric means, medians and rates. The unit is always the victim.

The samples of a batch are reconstructed together and are not independent. So every method takes the sum and the count
of each victim, and never a sample on its own.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from bench.results.bootstrap import BOOTSTRAP, LEVEL, quantiles, student

# With at least so many victims, the extreme ones bound the median with 95 % confidence: 1 - 2 / 2^6 is 0.969, but
# 1 - 2 / 2^5 is 0.938.
ORDERED = 6
# A squared error below this floor is raised to it, because float32 pixels resolve no less. PSNR has the same cap
# (100 dB).
FLOOR = 1e-10
# The 97.5 % quantile of the normal distribution.
_Z = 1.959963984540054
# The largest power of ten at which an interval ends, because an interval of log10 may exceed the range of a float.
_EXPONENT = 300.0

MEAN, GEOMETRIC, RATE, MEDIAN = "mean", "geometric mean", "rate", "median"
STUDENT, BOOTSTRAPPED, ON_LOGS, WILSON = "Student's t", "bootstrap-t", "Student's t on log10", "Wilson"
ORDER, RANGE = "order statistics", "range"

# The sentence in the foot of every table about how often its intervals cover the truth.
COVERAGE = (
    "On simulated victims, 4 to 32 of them, the intervals cover the mean of normal values and the geometric mean of "
    "lognormal ones in 93 % of cases or more; the mean of two equal humps in 91 % or more from 8 victims on, and in "
    "87 % with 4, which is the limit of every method tried."
)
# The meaning of a dagger and of a double dagger at a figure.
SURVIVORS, GROUPS = "\u2020", "\u2021"
MARKS = {
    SURVIVORS: "mean over survivors: samples without a reconstruction have no such score and are left out",
    GROUPS: "some victims are recovered (at least half of their batch) and others are not, so the joint figure has no "
    "interval; the success rate says how many are recovered, and the median of each group how well",
}


def methods(errors: bool) -> str:
    """The sentences with which a table explains its figures and their intervals.

    Args:
        errors: whether the table has squared errors of pixels.
    """
    squared = (
        f" MSE: geometric mean, Student's t on log10, errors below {FLOOR:g} counted as {FLOOR:g}." if errors else ""
    )
    return (
        "Intervals are 95 % ones and the victim is their unit, so that a batch counts once. Means: Student's t below "
        f"{BOOTSTRAP} victims, bootstrap-t from there on.{squared} Rates: Wilson; for larger batches the interval of a "
        "mean, or Wilson over victims if they all agree. Medians: order statistics from "
        f"{ORDERED} victims, the range below."
    )


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval.

    Args:
        mean: the value of the estimand.
        low: the lower bound; None if there is no interval, because there is one victim only, or because the victims
            form two groups without a common interval.
        high: the upper bound; None in the same cases.
        n: the number of samples behind the figure.
        estimand: what is estimated: `mean`, `geometric mean`, `rate` or `median`.
        method: how the bounds were found; None if there are none.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    estimand: str = MEAN
    method: str | None = None

    def document(self) -> dict[str, float | int | str | None]:
        """The figure and its interval as a mapping that JSON can hold."""
        return dict(vars(self))


def wilson(successes: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a rate (Wilson 1927); it stays in [0, 1] and is not empty at 0 or n successes.

    Raises:
        ValueError: `n` is not positive, or `successes` is not in [0, n].

    Example:
        >>> tuple(round(bound, 4) for bound in wilson(8, 10))
        (0.4902, 0.9433)
    """
    if not (n > 0 and 0 <= successes <= n):
        raise ValueError(f"want 0 <= successes <= n and n > 0, got {successes} of {n}")
    rate = successes / n
    centre = (rate + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    # At the ends the bound is exactly 0 or 1, but rounding would leave it slightly inside.
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return low, high


def mean(
    values: Sequence[float] | np.ndarray,
    victims: Sequence[int] | np.ndarray,
    bounds: tuple[float | None, float | None] = (None, None),
    seed: int = 0,
    bounded: bool = True,
) -> Interval:
    """The arithmetic mean of per-sample values, every sample with the same weight.

    Below `BOOTSTRAP` victims the interval is Student's t with the cluster-robust standard error (Liang and Zeger 1986;
    for batches of one it is the ordinary one) and one degree of freedom less than there are victims. With more victims
    it is the bootstrap-t over victims (Efron and Tibshirani 1993, section 12.5), and again Student's t if resamples
    without spread leave a bound infinite.

    Args:
        values: `[N]`, finite.
        victims: `[N]`, the victim that each value belongs to.
        bounds: the lowest and the highest possible value; the interval is cut there.
        seed: the seed of the resampling. It is fixed, so that two reports on the same rows are equal.
        bounded: whether an interval is wanted, which takes most of the time.

    Raises:
        ValueError: there are no values, or one is not finite.
    """
    sums, counts = _by_victim(values, victims)
    centre, n = float(sums.sum() / counts.sum()), int(counts.sum())
    if len(sums) < 2 or not bounded:
        return Interval(centre, None, None, n)
    residuals = sums - centre * counts
    error = _standard_error(residuals, counts)
    low, high = (centre - error * quantile for quantile in quantiles(residuals, counts, error, seed))
    method = STUDENT if len(sums) < BOOTSTRAP else BOOTSTRAPPED
    if not np.isfinite([low, high]).all():
        t = student(len(sums) - 1)
        low, high, method = centre - t * error, centre + t * error, STUDENT
    return Interval(centre, *_within(low, high, bounds), n, MEAN, method)


def geometric_mean(values: Sequence[float] | np.ndarray, victims: Sequence[int] | np.ndarray) -> Interval:
    """The geometric mean of squared errors, with Student's interval of their logarithms.

    Squared errors range from 1e-10 to 1, so they are closer to lognormal than to normal, and their arithmetic mean is
    that of the worst victim.

    Args:
        values: `[N]`, finite, none below 0; a value below `FLOOR` counts as `FLOOR`.
        victims: `[N]`, the victim that each value belongs to.

    Raises:
        ValueError: there are no values, or one is negative or not finite.
    """
    array = np.asarray(values, np.float64)
    if (array < 0).any():
        raise ValueError("a squared error is not negative")
    sums, counts = _by_victim(np.log10(np.maximum(array, FLOOR)), victims)
    centre, n = float(sums.sum() / counts.sum()), int(counts.sum())
    if len(sums) < 2:
        return Interval(10**centre, None, None, n, GEOMETRIC)
    half = student(len(sums) - 1) * _standard_error(sums - centre * counts, counts)
    low, high = (10.0 ** min(max(log, -_EXPONENT), _EXPONENT) for log in (centre - half, centre + half))
    return Interval(10**centre, low, high, n, GEOMETRIC, ON_LOGS)


def median(values: Sequence[float] | np.ndarray, victims: Sequence[int] | np.ndarray) -> Interval:
    """The median over victims; the value of a victim is the mean over its batch.

    The interval runs from the k-th lowest victim to the k-th highest, with the largest k that covers the median in 95 %
    of cases for any distribution (order statistics; Thompson 1936). Below `ORDERED` victims no k does, so the interval
    is the range, and `method` says so.

    Args:
        values: `[N]`, finite.
        victims: `[N]`, the victim that each value belongs to.

    Raises:
        ValueError: there are no values, or one is not finite.
    """
    sums, counts = _by_victim(values, victims)
    ordered, n = np.sort(sums / counts), int(counts.sum())
    middle = float(np.median(ordered))
    if len(ordered) < 2:
        return Interval(middle, None, None, n, MEDIAN)
    k, method = _rank(len(ordered)), (ORDER if len(ordered) >= ORDERED else RANGE)
    return Interval(middle, float(ordered[k - 1]), float(ordered[-k]), n, MEDIAN, method)


def rate(values: Sequence[float] | np.ndarray, victims: Sequence[int] | np.ndarray, seed: int = 0) -> Interval:
    """The rate of zeros and ones: Wilson's interval for batches of one, otherwise the interval of a mean over victims.

    If all larger batches have the same rate, they show no spread, and the interval of a mean would have no width. Then
    the interval is Wilson's, with each batch counted once.

    Args:
        values: `[N]`, 0 or 1.
        victims: `[N]`, the victim that each value belongs to.
        seed: the seed of the resampling.

    Raises:
        ValueError: there are no values, or one is neither 0 nor 1.
    """
    array = np.asarray(values, np.float64)
    if not np.isin(array, (0.0, 1.0)).all():
        raise ValueError("a rate is over zeros and ones")
    return share(array, victims, seed)


def share(values: Sequence[float] | np.ndarray, victims: Sequence[int] | np.ndarray, seed: int = 0) -> Interval:
    """The rate of shares in [0, 1], with the intervals of `rate`.

    Args:
        values: `[N]`, in [0, 1]; the samples of a victim may have the same share or different ones.
        victims: `[N]`, the victim that each value belongs to.
        seed: the seed of the resampling.

    Raises:
        ValueError: there are no values, or one is not in [0, 1].
    """
    array = np.asarray(values, np.float64)
    if not ((array >= 0) & (array <= 1)).all():
        raise ValueError("a share is from 0 to 1")
    sums, counts = _by_victim(array, victims)
    total, n, groups = float(sums.sum()), int(counts.sum()), len(counts)
    if bool((counts == 1).all() and np.isin(array, (0.0, 1.0)).all()) or np.ptp(sums / counts) == 0:
        return Interval(total / n, *wilson(total * groups / n, groups), n, RATE, WILSON)
    found = mean(array, victims, (0.0, 1.0), seed)
    return Interval(found.mean, found.low, found.high, found.n, RATE, found.method)


def _by_victim(values: Sequence[float] | np.ndarray, victims: Sequence[int] | np.ndarray) -> tuple[np.ndarray, ...]:
    """The sums and the counts of the values per victim, each `[G]`."""
    array = np.asarray(values, np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"want one or more finite values, got {array.size}")
    _, groups = np.unique(np.asarray(victims), return_inverse=True)
    return np.bincount(groups, weights=array), np.bincount(groups)


def _standard_error(residuals: np.ndarray, counts: np.ndarray) -> float:
    """The standard error of the mean over samples, with the victim as the cluster.

    Args:
        residuals: `[G]`, the sum of the deviations from the mean per victim.
        counts: `[G]`, the number of samples per victim.
    """
    groups = len(counts)
    return float(np.sqrt(groups / (groups - 1) * np.square(residuals).sum()) / counts.sum())


@functools.lru_cache(maxsize=256)
def _rank(n: int) -> int:
    """The largest k such that the k-th lowest and the k-th highest of n bound the median with 95 % confidence, or 1."""
    at_most = bdtr(np.arange(n + 1), n, 0.5)  # the probability that at most 0, 1, ..., n of n lie below the median
    return max(1, int(np.searchsorted(at_most, (1 - LEVEL) / 2)))


def _within(low: float, high: float, bounds: tuple[float | None, float | None]) -> tuple[float, float]:
    least, most = bounds
    return (low if least is None else max(low, least)), (high if most is None else min(high, most))
