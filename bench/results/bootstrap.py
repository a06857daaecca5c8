"""The bootstrap-t: quantiles of a studentised mean, drawn over victims."""

import functools

import numpy as np
from scipy.special import stdtrit

RESAMPLES = 2000
LEVEL = 0.95
# With at least so many victims, the bootstrap shows the skew that Student's t ignores.
BOOTSTRAP = 30
# The number of counts held in memory at once. It bounds the memory and changes no result for a given n.
_DRAWS = 4_000_000


def student(freedom: int) -> float:
    """The two-sided 95 % quantile of Student's t with `freedom` degrees of freedom."""
    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def quantiles(residuals: np.ndarray, counts: np.ndarray, error: float, seed: int) -> tuple[float, float]:
    """The upper and the lower quantile of (estimate - truth) / standard error.

    A quantile is infinite if too many resamples have no spread.
    """
    groups = len(counts)
    if groups < BOOTSTRAP or error == 0:
        t = student(groups - 1)
        return t, -t
    sums = np.stack([residuals, residuals**2, residuals * counts, counts**2, counts]).astype(np.float64)
    if (counts == counts[0]).all():  # with batches of one size, three of the five sums follow from the others
        r, rr = _resampled(sums[:2], seed)
        rc, cc, c = r * counts[0], sums[3].sum(), sums[4].sum()
    else:
        r, rr, rc, cc, c = _resampled(sums, seed)
    offset = r / c
    spread = np.sqrt(np.maximum(groups / (groups - 1) * (rr - 2 * offset * rc + offset**2 * cc), 0.0)) / c
    # A resample that draws one victim every time has no spread, up to rounding. Its t is infinite, or 0 if it has no
    # offset either.
    flat = spread <= 1e-9 * error
    studentised = np.where(flat, _infinite(offset), offset / np.where(flat, 1.0, spread))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(studentised, [tail, 1 - tail], method="nearest")
    return float(high), float(low)


def _infinite(offset: np.ndarray) -> np.ndarray:
    return np.select([offset > 0, offset < 0], [np.inf, -np.inf], 0.0)


def _resampled(rows: np.ndarray, seed: int) -> np.ndarray:
    """The sums of rows `[K, G]` in each of `RESAMPLES` resamples of the victims, `[K, RESAMPLES]`."""
    groups = rows.shape[1]
    if groups * RESAMPLES <= _DRAWS:
        return _summed(rows, _weights(groups, seed))
    rng, most = np.random.default_rng(seed), max(1, _DRAWS // groups)
    pieces = [_summed(rows, _drawn(rng, min(most, RESAMPLES - start), groups)) for start in range(0, RESAMPLES, most)]
    return np.concatenate(pieces, 1)


def _summed(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Computes `rows @ weights` without BLAS.

    BLAS takes ten times as long if other work uses the cores, and its last digit depends on the number of its threads.
    """
    return np.einsum("kg,gr->kr", rows, weights)


@functools.lru_cache(maxsize=2)
def _weights(groups: int, seed: int) -> np.ndarray:
    """How often each victim is drawn in each resample, the same for all scores and cells with so many victims."""
    return np.ascontiguousarray(_drawn(np.random.default_rng(seed), RESAMPLES, groups))


def _drawn(rng: np.random.Generator, resamples: int, groups: int) -> np.ndarray:
    """How often each victim is drawn in each resample, `[G, resamples]`."""
    out = np.empty((resamples, groups))
    for row in out:
        row[:] = np.bincount(rng.integers(groups, size=groups), minlength=groups)
    return out.T
