"""Whether the label that the attack claims is the right one."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics.base import SampleMetric, Side
from bench.metrics.column import ScoreColumn


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
    """Share of all samples whose label is claimed rightly; higher is better.

    Position by position after the examples were assigned, so with B > 1 a right set of labels in the wrong places
    counts only where the places are right. A sample without a claim has no score; its label is not a right one, so the
    mean counts it as 0. Where no label is claimed at all there is no mean.
    """

    claims: Tensor

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    things = None
    # Every table has the columns of labels already: what an attack claims is counted with this metric and without it.
    column = ScoreColumn("label acc.", "rate", places=2, shown=False)

    def __init__(self) -> None:
        super().__init__()
        self.add_state("claims", torch.tensor(0, dtype=torch.int64), dist_reduce_fx="sum")

    def score(self, guess: Side, truth: Side) -> Tensor:
        """`[V, B]`, float64."""
        return label_match(guess.labels, truth.labels)

    def update(self, guess: Side, truth: Side, scores: Tensor | None = None, failed: Tensor | None = None) -> None:
        """Adds a piece's scores, and how many labels it claims."""
        values = self.score(guess, truth) if scores is None else scores
        self.claims += values.isfinite().sum()
        super().update(guess, truth, values, failed)

    def counted(self, scores: Tensor, failed: Tensor) -> Tensor:
        """All samples; no claim is no right one. What a failed victim claims of its labels counts."""
        return scores.nan_to_num(0.0)

    def compute(self) -> Tensor:
        """The share over all samples, float64; NaN where no label was claimed."""
        return torch.where(self.claims > 0, super().compute(), torch.nan)
