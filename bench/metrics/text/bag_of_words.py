"""The share of tokens that are recovered in any order: for one sentence, and for a batch as a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.text.batch import TextBatch, TextMetric, each


def overlap(guess: Sequence[int], truth: Sequence[int]) -> int:
    """The number of tokens that two sentences have in common, each counted as often as both have it."""
    return (Counter(guess) & Counter(truth)).total()


def recovered(guess: Sequence[int], truth: Sequence[int]) -> float:
    """The share of the tokens of `truth` that are in `guess`, with their multiplicity; NaN if `truth` is empty.

    Example:
        >>> recovered([8, 7, 5], [7, 7, 8])
        0.6666666666666666
    """
    return overlap(guess, truth) / len(truth) if truth else float("nan")


def jaccard(guess: set[int], truth: set[int]) -> float:
    """The size of the intersection divided by the size of the union; 1 if both sets are empty.

    Example:
        >>> jaccard({1, 2, 3}, {2, 3, 4, 5})
        0.4
    """
    return len(guess & truth) / len(guess | truth) if guess | truth else 1.0


class BagOfWords(TextMetric):
    """The recall of a sentence's tokens at any position; higher is better.

    A guess has no more places than the longest sentence, so it cannot score highly by naming every token.
    """

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    column = ScoreColumn("bag of words", short="bag")

    def score(self, guess: TextBatch, truth: TextBatch) -> Tensor:
        """The recall per sentence, `[V, B]`, float64; NaN for an empty sentence."""
        return each(recovered, guess.words, truth.words, truth.labels)


class TokenSet(TextMetric):
    """The Jaccard index of the set of tokens in the whole batch and the true set; higher is better, 1 is exact.

    The non-zero rows of the word embedding's gradient reveal this set. There is one number per victim, the same for all
    its sentences.
    """

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)
    column = ScoreColumn("token set", short=None)

    def score(self, guess: TextBatch, truth: TextBatch) -> Tensor:
        """The Jaccard index of the batch, repeated for each sentence, `[V, B]`, float64."""
        sets = [
            [_union(side.words[v])] * truth.labels.shape[1] for side in (guess, truth) for v in range(len(side.words))
        ]
        return each(jaccard, sets[: len(guess.words)], sets[len(guess.words) :], truth.labels)


def _union(batch: list[list[int]]) -> set[int]:
    return {token for sentence in batch for token in sentence}
