"""Whether the label that the attack claims is the right one."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.base import SampleMetric, Side


def label_match(guess: Tensor, truth: Tensor) -> Tensor:
    """1 where the labels agree, 0 where they differ, NaN where the guess is -1 (no claim).

    Args:
        guess: `[V, B]`, int64.
        truth: `[V, B]`, int64.

    Returns:
        `[V, B]`, float64.

    Example:
        >>> import torch
        >>> label_match(torch.tensor([[3, 1, -1]]), torch.tensor([[3, 2, 0]]))
        tensor([[1., 0., nan]], dtype=torch.float64)
    """
    return (guess == truth).double().masked_fill(guess < 0, float("nan"))


class LabelAccuracy(SampleMetric[Side]):
    """Share of the claimed labels that are right; higher is better.

    Position by position after the examples were assigned, so with B > 1 a right set of labels in the wrong places
    counts only where the places are right. Undefined where the attack makes no claim.
    """

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    things = None

    def score(self, guess: Side, truth: Side) -> Tensor:
        """`[V, B]`, float64."""
        return label_match(guess.labels, truth.labels)
