"""Whether two cells differ on the same victims: the sign-flip permutation test for paired values (Fisher 1935)."""

import itertools
from collections.abc import Sequence

import numpy as np

EXACT = 12  # up to so many pairs every assignment of signs is tried
DRAWS = 20_000


def sign_flip(differences: Sequence[float] | np.ndarray, seed: int = 0) -> float:
    """The two-sided p of the mean difference, if each pair's sign were a coin's.

    Args:
        differences: `[n]`, finite, one a pair, at least one.
        seed: of the random signs where there are more than `EXACT` pairs.

    Returns:
        The share of assignments of signs whose mean is as far from 0 as the one seen; at least 1 / 2^(n - 1).

    Example:
        >>> sign_flip([1.0, 2.0, 3.0]), sign_flip([1.0, -1.0])
        (0.25, 1.0)
    """
    values = np.asarray(differences, np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"want one or more finite differences, got {values}")
    if len(values) <= EXACT:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(values))))
    else:
        drawn = np.random.default_rng(seed).integers(0, 2, (DRAWS, len(values)))
        signs = np.concatenate([np.ones((1, len(values))), 2.0 * drawn - 1.0])
    seen, means = abs(values.mean()), np.abs(signs @ values) / len(values)
    # equal up to the rounding of a sum in another order
    return float((means >= seen - 1e-9 * max(seen, 1e-300)).mean())
