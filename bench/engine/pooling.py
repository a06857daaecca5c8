"""Several reconstructions of one batch of rows made one: rows are matched, and cells are voted on (TabLeak)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from bench.messages.columns import TableColumns


@dataclass(frozen=True, eq=False)
class Pooled:
    """What an ensemble of runs agrees on.

    Args:
        rows: `[B, F]`: the median of each number; the shares of a column of categories then need not sum to 1.
        uncertainty: `[B, columns]`, what an attacker knows of its own certainty. Of categories, the entropy of the
            votes as a share of the largest possible one: 0 if all runs name the same category, 1 if they name all
            equally often. Of values, the standard deviation over the runs, in standard deviations of the column.
    """

    rows: Tensor
    uncertainty: Tensor


def pool(runs: Tensor, columns: TableColumns) -> Pooled:
    """Matches the rows of all runs to those of the first, and takes the median of each number.

    Rows of a batch have no order, so those of each run are assigned to the rows of the first one, one to one, with the
    least sum of squared differences (Hungarian assignment, Kuhn 1955).

    Args:
        runs: `[R, B, F]`, rows with shares of categories, the run that the others are matched to first; finite.
        columns: what the numbers are.

    Example:
        >>> from bench.messages.columns import TableColumn
        >>> runs = torch.tensor([[[1.0], [5.0]], [[5.25], [1.25]], [[1.5], [4.0]]])
        >>> pool(runs, TableColumns((TableColumn("age"),))).rows
        tensor([[1.2500],
                [5.0000]])
    """
    first = runs[0].double()
    matched = [runs[0]]
    for run in runs[1:]:
        cost = torch.cdist(first, run.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
        _, order = linear_sum_assignment(cost.cpu().numpy())
        matched.append(run[torch.from_numpy(order).to(run.device)])
    stacked = torch.stack(matched)
    spread = [_spread(stacked[..., i:j], bool(one.categories)) for one, (i, j) in zip(columns.columns, columns.places)]
    return Pooled(_median(stacked), torch.stack(spread, -1))


def _median(stacked: Tensor) -> Tensor:
    """The median over runs; of an even number of runs the mean of the two in the middle. `[R, ...]` -> `[...]`."""
    ordered, count = stacked.sort(0).values, len(stacked)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2


def _spread(numbers: Tensor, categories: bool) -> Tensor:
    """The uncertainty of one column, `[R, B, width]` -> `[B]`."""
    if not categories:
        return numbers[..., 0].std(0, correction=0)
    width = numbers.shape[-1]
    shares = torch.nn.functional.one_hot(numbers.argmax(-1), width).to(numbers.dtype).mean(0)
    return -torch.special.xlogy(shares, shares).sum(-1) / math.log(max(width, 2))
