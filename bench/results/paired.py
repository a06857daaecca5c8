"""Tests if two cells differ on the same victims: the sign-flip permutation test for paired values (Fisher 1935)."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

EXACT = 12  # with at most so many pairs, every assignment of signs is tried
DRAWS = 20_000  # the number of random assignments of signs otherwise
_AT_ONCE = 2**14  # signs that are drawn at once: they stay in the cache, which makes a test ten times as quick


def sign_flip(differences: Sequence[float] | np.ndarray, seed: int = 0) -> float:
    """The two-sided p-value of the mean difference, under the hypothesis that each sign is as likely as the other.

    Args:
        differences: `[n]`, finite, one difference per pair, at least one.
        seed: the seed of the random signs, which are used with more than `EXACT` pairs.

    Returns:
        The share of assignments of signs whose mean is at least as far from 0 as the mean of `differences`. It is at
        least 1 / 2^(n - 1) if all assignments are tried, and at least 1 / (`DRAWS` + 1) otherwise.

    Raises:
        ValueError: there is no difference, or one is not finite.

    Example:
        >>> sign_flip([1.0, 2.0, 3.0]), sign_flip([1.0, -1.0])
        (0.25, 1.0)
    """
    values = np.asarray(differences, np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"want one or more finite differences, got {values}")
    means = np.abs(np.concatenate([signs @ values for signs in _signs(len(values), seed)])) / len(values)
    seen = abs(values.mean())
    # The tolerance allows for the rounding of a sum in another order.
    return float((means >= seen - 1e-9 * max(seen, 1e-300)).mean())


def _signs(n: int, seed: int) -> Iterator[np.ndarray]:
    """The assignments of signs to `n` pairs, `[k, n]` at a time; the first of all leaves every sign as it is."""
    if n <= EXACT:
        yield np.array(list(itertools.product((1.0, -1.0), repeat=n)))
        return
    yield np.ones((1, n))
    generator, step = np.random.default_rng(seed), max(1, _AT_ONCE // n)
    for start in range(0, DRAWS, step):
        yield 2.0 * generator.integers(0, 2, (min(step, DRAWS - start), n)) - 1.0
