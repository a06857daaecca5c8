"""The error that no attacker stays below on average over a prior, biased or not (van Trees 1968).

For g* = g(x) + s e with independent standard normal e, and x drawn from a Gaussian prior of precision L, every estimate
of x has an expected squared error per entry of at least tr((E[J'J] / s^2 + L)^-1) / n, where J is the Jacobian of g and
both expectations are over the prior, and that of the error over the noise too (van Trees, Detection, Estimation, and
Modulation Theory I, section 2.4.3; Gill and Levit 1995, Bernoulli 1).

It says nothing about one input, and nothing about inputs that are not drawn from the prior.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def bayesian_limit(jacobians: Iterable[Tensor], std: float, precision: Tensor) -> float:
    """The mean squared error per entry that no attacker stays below on average, in the square of the input's unit.

    E[J'J] is replaced by the mean over the Jacobians that are given. The trace of an inverse is convex, so that the
    result of few draws lies above the limit in the mean.

    Args:
        jacobians: `[n, e]` each, the derivative of the e shared entries, one row per entry of an input that was drawn
            from the prior; one at least.
        std: s, deviation of the Gaussian noise on each entry of the gradient, > 0.
        precision: `[n, n]`, L, the second derivative of -log p of the prior; positive definite.

    Raises:
        ValueError: std is not above 0, or there is no Jacobian.
        torch.linalg.LinAlgError: the precision is not positive definite.
    """
    if not std > 0:
        raise ValueError(f"std={std}: must be > 0, since without noise there is no such limit")
    found = [rows.double() @ rows.double().T for rows in jacobians]
    if not found:
        raise ValueError("jacobians: want one at least")
    information = torch.stack(found).mean(0) / std**2 + precision.double()
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(information))
    return float(inverse.trace()) / len(inverse)
