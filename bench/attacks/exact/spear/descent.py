"""Descents to sparse directions: many starts at once, on the unit sphere."""

from __future__ import annotations

from torch import Tensor

_FIRST, _LAST = 0.3, 1e-4  # smoothing mu at the start and at the end, for entries of a typical size of m^-1/2
_STEP = 0.5  # length of the first step
_DECAY = 1e-2  # of the step's length over the descent


def descend(left: Tensor, starts: Tensor, steps: int) -> Tensor:
    """Minimises |U q|_1 over unit vectors q, from many starts at once.

    The sparsest directions of the column space of U are those of single examples, and the l1 norm has minima there.
    Sampling needs about 2^(B - 1) draws for each of them.

    |v| is smoothed to mu log cosh(v / mu), whose derivative is tanh(v / mu), and mu falls geometrically. The gradient
    is projected onto the tangent of the sphere and scaled to length 1. A descent ends within 1e-3 of a minimum, and
    `bench.attacks.exact.spear.tighten` does the rest.

    Args:
        left: U, `[m, r]`; float32 suffices.
        starts: `[k, r]`, unit vectors.
        steps: steps of each descent.

    Returns:
        `[k, r]`, unit vectors.
    """
    typical = left.shape[0] ** 0.5
    narrowing, shortening = _LAST ** (1 / steps), _DECAY ** (1 / steps)
    q = starts
    for step in range(steps):
        mu = max(_FIRST * narrowing**step, _LAST) / typical
        slope = (q @ left.mT / mu).tanh() @ left
        slope = slope - (slope * q).sum(1, keepdim=True) * q
        q = q - _STEP * shortening**step * slope / (slope.norm(dim=1, keepdim=True) + 1e-12)
        q = q / q.norm(dim=1, keepdim=True)
    return q
