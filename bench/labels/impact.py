"""Counts from sums per class, if each example of a class lowers its sum by the same impact (Wainakh et al. 2022)."""

import torch
from torch import Tensor


def mean_impact(sums: Tensor, total: int) -> float:
    """How much one example lowers its class's sum: the mean over the batch of all that is negative.

    Args:
        sums: `[K]`, a sum per class.
        total: number of labels.
    """
    return float(sums.clamp(max=0).sum()) / total


def by_impact(
    sums: Tensor, total: int, impact: float, offset: Tensor | float = 0.0, allowed: Tensor | None = None
) -> Tensor:
    """The number of examples of each class, `[K]`.

    Each class with a negative sum has one example, whose impact is taken from the sum. The offset is then taken from
    all sums, and the lowest class gets one further example at a time (arXiv 2105.09369).

    Args:
        sums: `[K]`, a sum per class; NaN and infinity count as 0.
        total: number of labels.
        impact: what one example of a class adds to its sum, <= 0.
        offset: `[K]`, what the other classes' examples add to each sum.
        allowed: `[K]`, bool, the classes that may be claimed; None for all.
    """
    left = sums.double().nan_to_num(0.0, 0.0, 0.0)
    if allowed is not None:
        left = left.masked_fill(~allowed, torch.inf)
    first = left.argsort()[: min(total, int((left < 0).sum()))]
    counts = torch.zeros_like(sums, dtype=torch.long)
    counts[first] = 1
    left[first] -= impact
    left -= offset
    for _ in range(total - len(first)):
        lowest = left.argmin()
        counts[lowest] += 1
        left[lowest] -= impact
    return counts
