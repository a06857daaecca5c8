"""How far a gradient determines its input: rank, condition, and the error that no unbiased attacker stays below.

For g* = g(x) + s e with independent standard normal e, every unbiased estimate of x has a mean squared error per entry
of at least s^2 tr((J'J)^-1) / n, where J is the Jacobian of g at the true x (the bound of Cramer and Rao; Kay 1993,
Fundamentals of Statistical Signal Processing, section 3.8).

It binds no attacker who uses more than the gradient: known bounds of the input, a prior, or a start make an estimate
biased, and its error may then be lower.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# The squares of singular values are the eigenvalues of J J', which take a third of the time. Rounding moves the
# smallest one by the largest times 1e-16, so that up to this condition number it is right to 1e-5 of itself.
_BY_SQUARES_UP_TO = 1e5


@dataclass(frozen=True)
class Determination:
    """What the shared gradient says about one victim's input, to first order at the truth.

    Args:
        entries: n, numbers of the input.
        rank: of the Jacobian, 0 to n. Below n, some directions change nothing that is shared.
        condition: the largest singular value of the Jacobian over the smallest, >= 1; infinite if the rank is below n.
        error: tr((J'J)^-1) / n, mean squared error per entry of an efficient attacker under noise of deviation 1, in
            the square of the input's unit; infinite if the rank is below n.
    """

    entries: int
    rank: int
    condition: float
    error: float

    @property
    def determined(self) -> bool:
        """Whether no direction of the input is hidden, so that the input is an isolated solution."""
        return self.rank == self.entries

    def unbiased_limit(self, std: float) -> float:
        """The mean squared error per entry that no unbiased attacker stays below, infinite if not determined.

        Args:
            std: s, deviation of the Gaussian noise on each entry of the gradient, > 0.

        Raises:
            ValueError: std is not above 0, where there is no such limit.
        """
        if not std > 0:
            raise ValueError(f"std={std}: must be > 0, since without noise an unbiased attacker has no error")
        return std**2 * self.error


def determination(rows: Tensor) -> Determination:
    """Rank, condition and error of a Jacobian, from its singular values in double precision.

    A singular value counts as zero at or below max(n, e) times the rounding of the Jacobian's type times the largest
    one, as in `torch.linalg.matrix_rank`.

    Args:
        rows: `[n, e]`, the derivative of the e shared entries, one row per entry of the input.
    """
    n = len(rows)
    values = _singular_values(rows.double())
    largest = float(values[0]) if len(values) else 0.0
    smallest_kept = max(rows.shape) * torch.finfo(rows.dtype).eps * largest
    kept = values[values > smallest_kept]
    if len(kept) < n:
        return Determination(n, len(kept), torch.inf, torch.inf)
    return Determination(n, n, largest / float(kept[-1]), float(kept.pow(-2).sum()) / n)


def _singular_values(rows: Tensor) -> Tensor:
    """The singular values of `[n, e]` in double precision, the largest first."""
    if rows.shape[0] <= rows.shape[1]:
        squares = torch.linalg.eigvalsh(rows @ rows.T).flip(0)
        if len(squares) and float(squares[-1]) * _BY_SQUARES_UP_TO**2 > float(squares[0]):
            return squares.sqrt()
    tall = rows.T.contiguous()
    # The triangle has the same singular values, and finding them is ten times as quick.
    return torch.linalg.svdvals(torch.linalg.qr(tall, mode="r")[1] if len(tall) > len(rows) else tall)
