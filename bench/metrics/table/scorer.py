"""The scorer of rows: how rows are assigned, put in order and compared."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from bench.messages.columns import TableColumns
from bench.messages.reconstruction import Reconstruction
from bench.messages.victims import Victims
from bench.metrics.base import SampleMetric
from bench.metrics.scorer import Scorer
from bench.metrics.table.batch import RowBatch

_TOLERANCE = 0.319  # standard deviations; the tolerance of TabLeak, which `cell_accuracy` has by default as well
_TIE = 1e-3  # the weight of the distance, which decides between rows with equally many cells that are right


def assign_rows(guess: Tensor, truth: Tensor, columns: TableColumns) -> Tensor:
    """The permutation of each victim's rows with the fewest wrong cells (Hungarian assignment, Kuhn 1955).

    The cost of a pair is the share of cells that are wrong, as in TabLeak (Vero et al. 2023, ICML), plus a thousandth
    of a bounded distance, which decides between pairs with the same share. The assignment is one to one, so that no row
    is credited twice. For B = 1 it is the identity.

    Args:
        guess: `[V, B, F]`, finite, with hard categories.
        truth: `[V, B, F]`, likewise.
        columns: what the numbers are.

    Returns:
        `[V, B]`, int64: the reconstruction of truth i is `guess[v, permutation[v, i]]`.

    Example:
        >>> from bench.messages.columns import TableColumn
        >>> columns = TableColumns((TableColumn("age"), TableColumn("owner", ("no", "yes"))))
        >>> truth = torch.tensor([[[1.0, 1, 0], [-1, 0, 1], [1, 0, 1]]])
        >>> assign_rows(truth[:, [2, 0, 1]], truth, columns)
        tensor([[1, 2, 0]])
    """
    v, b = guess.shape[:2]
    permutation = torch.arange(b, device=guess.device).repeat(v, 1)
    if b == 1:
        return permutation
    for victim in range(v):
        mine, theirs = guess[victim][None], truth[victim][:, None]  # entry (i, j) compares truth i with guess j
        wrong = 1 - columns.right(mine, theirs, _TOLERANCE).double().mean(-1)
        squares = (mine - theirs).double().square().mean(-1)
        _, chosen = linear_sum_assignment((wrong + _TIE * squares / (1 + squares)).cpu().numpy())
        permutation[victim] = torch.from_numpy(chosen).to(permutation)
    return permutation


class RowScorer(Scorer):
    """Scores rows: the claimed cells against the private ones.

    Args:
        metrics: `{metric key: metric}`.
    """

    def __init__(self, metrics: Mapping[str, SampleMetric]) -> None:
        super().__init__(metrics, "rows", "table")

    def match(self, reconstruction: Reconstruction, victims: Victims) -> Tensor:
        """The index of the row that is compared with each private one, `[V, B]`; see `assign_rows`."""
        columns = _columns(victims)
        guess = columns.hard(torch.nan_to_num(reconstruction.inputs))
        return assign_rows(guess, victims.inputs.to(guess), columns)

    def batch(self, inputs: Tensor, labels: Tensor, victims: Victims) -> RowBatch:
        """Rows and their labels; see `Scorer.batch`."""
        return RowBatch.hardened(inputs, labels, _columns(victims))


def _columns(victims: Victims) -> TableColumns:
    if victims.columns is None:
        raise ValueError("victims: want rows with their columns")
    return victims.columns
