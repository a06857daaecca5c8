"""Whether a sentence is recovered token for token."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.text.batch import TextBatch, TextMetric, each


class ExactMatch(TextMetric):
    """1 where all tokens of the sentence are there, in order, and no other; else 0; higher is better.

    Special tokens are taken out of both first, so where the length was not known it has to be right as well.
    """

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    column = ScoreColumn("exact match", "rate", places=2, short="exact")

    def score(self, guess: TextBatch, truth: TextBatch) -> Tensor:
        """`[V, B]`, float64."""
        return each(lambda g, t: float(g == t), guess.words, truth.words, truth.labels)

    def counted(self, scores: Tensor, failed: Tensor) -> Tensor:
        """A rate over all sentences: none of a failed victim is recovered, whatever it left."""
        return scores.nan_to_num(0.0).masked_fill(failed.to(scores.device).unsqueeze(1), 0.0)
