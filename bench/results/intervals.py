"""95 % intervals: the percentile bootstrap over victims for means, Wilson's for rates."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95
# The 97.5 % quantile of the normal distribution.
_Z = 1.959963984540054
# Draws held in memory at once; bounds the memory, changes no number for a given n.
_DRAWS = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A mean or rate, its 95 % interval (None where one victim gives none), and the number of samples behind it."""

    mean: float
    low: float | None
    high: float | None
    n: int

    def document(self) -> dict[str, float | int | None]:
        """As JSON wants it."""
        return asdict(self)


def wilson(successes: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a rate (Wilson 1927); it stays in [0, 1] and is not empty at 0 or n successes.

    Raises:
        ValueError: `n` is not positive, or `successes` not in [0, n].

    Example:
        >>> tuple(round(bound, 4) for bound in wilson(8, 10))
        (0.4902, 0.9433)
    """
    if not (n > 0 and 0 <= successes <= n):
        raise ValueError(f"want 0 <= successes <= n and n > 0, got {successes} of {n}")
    rate = successes / n
    centre = (rate + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    # At the ends the bound is exact; rounding would leave it a hair inside.
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return low, high


def mean(values: Sequence[float] | np.ndarray, victims: Sequence[int] | np.ndarray, seed: int = 0) -> Interval:
    """The mean of per-sample values with a bootstrap interval that resamples victims, not samples.

    The samples of a batch are reconstructed together and are not independent; for batches of one it is the ordinary
    percentile bootstrap. Every sample has the same weight.

    Args:
        values: `[N]`, finite.
        victims: `[N]`, which victim each belongs to.
        seed: of the resampling; fixed, so that a report is the same twice.

    Raises:
        ValueError: there are no values, or one is not finite.
    """
    sums, counts = _by_victim(values, victims)
    total, n = sums.sum(), int(counts.sum())
    if len(sums) < 2:
        return Interval(float(total / n), None, None, n)
    draws = _resampled(sums, counts, seed)
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return Interval(float(total / n), float(low), float(high), n)


def rate(values: Sequence[float] | np.ndarray, victims: Sequence[int] | np.ndarray, seed: int = 0) -> Interval:
    """The rate of zeros and ones with its interval: Wilson's for batches of one, the bootstrap over victims otherwise.

    Where all samples of larger batches agree no resample can differ, and the bootstrap would claim certainty: there it
    is Wilson's with each batch counted once.

    Args:
        values: `[N]`, 0 or 1.
        victims: `[N]`, which victim each belongs to.
        seed: of the resampling.

    Raises:
        ValueError: there are no values, or one is neither 0 nor 1.
    """
    array = np.asarray(values, np.float64)
    if not np.isin(array, (0.0, 1.0)).all():
        raise ValueError("a rate is over zeros and ones")
    sums, counts = _by_victim(array, victims)
    total, n = sums.sum(), counts.sum()
    if (counts == 1).all() or total in (0, n):
        low, high = wilson(total * len(counts) / n, len(counts))
        return Interval(float(total / n), low, high, int(n))
    return mean(array, victims, seed)


def _by_victim(values: Sequence[float] | np.ndarray, victims: Sequence[int] | np.ndarray) -> tuple[np.ndarray, ...]:
    """Sums and counts of the values of each victim, `[G]` each."""
    array = np.asarray(values, np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"want one or more finite values, got {array.size}")
    _, groups = np.unique(np.asarray(victims), return_inverse=True)
    return np.bincount(groups, weights=array), np.bincount(groups)


def _resampled(sums: np.ndarray, counts: np.ndarray, seed: int) -> np.ndarray:
    """The mean in each of `RESAMPLES` resamples of the victims, `[RESAMPLES]`."""
    rng = np.random.default_rng(seed)
    groups = len(sums)
    rows = max(1, _DRAWS // groups)
    out = []
    for start in range(0, RESAMPLES, rows):
        chosen = rng.integers(groups, size=(min(rows, RESAMPLES - start), groups))
        out.append(sums[chosen].sum(1) / counts[chosen].sum(1))
    return np.concatenate(out)
