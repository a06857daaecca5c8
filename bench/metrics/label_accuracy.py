"""The share of samples whose label the attack claims correctly."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics.base import SampleMetric, Side
from bench.metrics.column import ScoreColumn


def label_match(guess: Tensor, truth: Tensor) -> Tensor:
    """Compares labels: 1 if they agree, 0 if they differ, and NaN if the guess is -1 (no claim).

    Args:
        guess: the claimed labels, `[V, B]`, int64.
        truth: the private labels, `[V, B]`, int64.

    Returns:
        `[V, B]`, float64.

    Example:
        >>> import torch
        >>> label_match(torch.tensor([[3, 1, -1]]), torch.tensor([[3, 2, 0]]))
        tensor([[1., 0., nan]], dtype=torch.float64)
    """
    return (guess == truth).double().masked_fill(guess < 0, float("nan"))


class LabelAccuracy(SampleMetric[Side]):
    """The share of all samples whose label is claimed correctly; higher is better.

    Labels are compared position by position after the reconstructions were assigned to the private examples. So with
    B > 1 a correct set of labels in the wrong places counts only in the places that are correct. A sample without a
    claim has no score, and the mean counts it as 0. If no label is claimed at all, there is no mean.
    """

    claims: Tensor

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    modality = None
    # Every table has the columns of labels already: what an attack claims is counted with this metric and without it.
    column = ScoreColumn("label acc.", "rate", places=2, shown=False)

    def __init__(self) -> None:
        super().__init__()
        self.add_state("claims", torch.tensor(0, dtype=torch.int64), dist_reduce_fx="sum")

    def score(self, guess: Side, truth: Side) -> Tensor:
        """1 for a correct label, 0 for a wrong one, NaN for no claim; `[V, B]`, float64."""
        return label_match(guess.labels, truth.labels)

    def update(self, guess: Side, truth: Side, scores: Tensor | None = None, failed: Tensor | None = None) -> None:
        """Adds scores to the state, and counts the claimed labels.

        Args:
            guess: the reconstructions; they are compared with `truth` only if `scores` is None.
            truth: the private examples.
            scores: `[V, B]`, the result of `score` if it is known.
            failed: `[V]`, bool: whether each victim failed; None if no victim failed.
        """
        values = self.score(guess, truth) if scores is None else scores
        self.claims += values.isfinite().sum()
        super().update(guess, truth, values, failed)

    def counted(self, scores: Tensor, failed: Tensor) -> Tensor:
        """Counts all samples: one without a claim counts as 0, and the claims of a failed victim count as they are."""
        return scores.nan_to_num(0.0)

    def compute(self) -> Tensor:
        """The share over all samples, float64; NaN if no label was claimed."""
        return torch.where(self.claims > 0, super().compute(), torch.nan)
