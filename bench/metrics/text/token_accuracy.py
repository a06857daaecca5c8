"""The share of a sentence's tokens that are right, each in its place."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.text.batch import TextBatch, TextMetric


def share_in_place(guess: Tensor, truth: Tensor, real: Tensor) -> Tensor:
    """The share of the places `real` at which the tokens agree; NaN if there is no such place.

    Args:
        guess: `[..., T]`, int64.
        truth: `[..., T]`, int64.
        real: `[..., T]`, bool: the places that count.

    Returns:
        `[...]`, float64.

    Example:
        >>> import torch
        >>> truth = torch.tensor([2, 7, 8, 9, 3, 0])
        >>> share_in_place(torch.tensor([2, 7, 9, 9, 3, 0]), truth, torch.tensor([0, 1, 1, 1, 0, 0]).bool())
        tensor(0.6667, dtype=torch.float64)
    """
    return ((guess == truth) & real).sum(-1).double() / real.sum(-1).double()


class TokenAccuracy(TextMetric):
    """The share of right tokens over the places that hold the sentence's own tokens; higher is better.

    A sentence that is right but shifted by one place scores near 0, so read it together with `bag_of_words` and ROUGE.
    """

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    column = ScoreColumn("token acc.", short="tokens")

    def score(self, guess: TextBatch, truth: TextBatch) -> Tensor:
        """The share of right tokens per sentence, `[V, B]`, float64; NaN for an empty sentence."""
        return share_in_place(guess.inputs, truth.inputs, truth.real)
