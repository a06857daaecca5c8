"""How much of a sentence is recovered when the order does not count: of one sentence, and of a batch as a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.text.batch import TextBatch, TextMetric, each


def overlap(guess: Sequence[int], truth: Sequence[int]) -> int:
    """How many tokens the two have in common, each counted as often as both have it."""
    return (Counter(guess) & Counter(truth)).total()


def recovered(guess: Sequence[int], truth: Sequence[int]) -> float:
    """Share of the tokens of `truth` that are in `guess`, with their multiplicity; NaN where `truth` is empty.

    Example:
        >>> recovered([8, 7, 5], [7, 7, 8])
        0.6666666666666666
    """
    return overlap(guess, truth) / len(truth) if truth else float("nan")


def jaccard(guess: set[int], truth: set[int]) -> float:
    """Size of the intersection over that of the union; 1 where both are empty.

    Example:
        >>> jaccard({1, 2, 3}, {2, 3, 4, 5})
        0.4
    """
    return len(guess & truth) / len(guess | truth) if guess | truth else 1.0


class BagOfWords(TextMetric):
    """Recall of a sentence's tokens, wherever they stand; higher is better.

    A guess has no more places than the longest sentence, so naming everything is no way to a high score.
    """

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    column = ScoreColumn("bag of words", short="bag")

    def score(self, guess: TextBatch, truth: TextBatch) -> Tensor:
        """`[V, B]`, float64."""
        return each(recovered, guess.words, truth.words, truth.labels)


class TokenSet(TextMetric):
    """The different tokens of the whole batch, as a set, against the true set (Jaccard); higher is better, 1 is exact.

    What the rows of the word embedding's gradient give away. One number a victim, the same for all its sentences.
    """

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    column = ScoreColumn("token set", short=None)

    def score(self, guess: TextBatch, truth: TextBatch) -> Tensor:
        """`[V, B]`, float64."""
        sets = [
            [_union(side.words[v])] * truth.labels.shape[1] for side in (guess, truth) for v in range(len(side.words))
        ]
        return each(jaccard, sets[: len(guess.words)], sets[len(guess.words) :], truth.labels)


def _union(batch: list[list[int]]) -> set[int]:
    return {token for sentence in batch for token in sentence}
