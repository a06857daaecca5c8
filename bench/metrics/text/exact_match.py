"""The share of sentences that are recovered token for token."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.text.batch import TextBatch, TextMetric, each


class ExactMatch(TextMetric):
    """1 if the guess has exactly the tokens of the sentence, in order, else 0; higher is better.

    Special tokens are removed from both first. So if the length is not known to the attack, it has to be right as well.
    """

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    column = ScoreColumn("exact match", "rate", places=2, short="exact")

    def score(self, guess: TextBatch, truth: TextBatch) -> Tensor:
        """1 for an exact sentence, else 0, `[V, B]`, float64."""
        return each(lambda g, t: float(g == t), guess.words, truth.words, truth.labels)

    def counted(self, scores: Tensor, failed: Tensor) -> Tensor:
        """Counts all sentences: one without a score, or of a failed victim, counts as not recovered."""
        return scores.nan_to_num(0.0).masked_fill(failed.to(scores.device).unsqueeze(1), 0.0)
