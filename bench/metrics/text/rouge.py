"""ROUGE-1, -2 and -L (Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from bench.errors import UserError
from bench.metrics.column import ScoreColumn
from bench.metrics.text.batch import TextBatch, TextMetric, each

KINDS = ("1", "2", "l")


def rouge_words(text: str) -> list[str]:
    """The words that ROUGE compares: runs of a-z and 0-9 in lower case; all other characters separate words.

    Example:
        >>> rouge_words("Don't stop - it's 5 o'clock.")
        ['don', 't', 'stop', 'it', 's', '5', 'o', 'clock']
    """
    return re.findall(r"[a-z0-9]+", text.lower())


def ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    """Counts how often each run of `n` words occurs."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence of two lists of words."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for j, candidate in enumerate(other, 1):
            before, row[j] = row[j], before + 1 if word == candidate else max(row[j], row[j - 1])
    return row[-1]


def f_measure(common: int, guessed: int, true: int) -> float:
    """The harmonic mean of precision and recall; 0 if nothing is common.

    Args:
        common: the number of items that both have.
        guessed: the number of items in the guess.
        true: the number of items in the truth.
    """
    return 2 * common / (guessed + true) if common else 0.0


def rouge(guess: str, truth: str, kind: str) -> float:
    """The F-measure of ROUGE for one sentence, equal to `fmeasure` of `RougeScorer([kind], use_stemmer=False)`.

    Args:
        guess: the reconstructed sentence.
        truth: the private sentence.
        kind: `1` compares words, `2` pairs of neighbouring words (0 if a sentence has one word only), and `l` the
            longest common subsequence.

    Returns:
        A number in [0, 1].

    Example:
        >>> rouge("the cat sat", "the cat sat down", "1"), rouge("cat the sat", "the cat sat", "2")
        (0.8571428571428571, 0.0)
    """
    g, t = rouge_words(guess), rouge_words(truth)
    if kind == "l":
        return f_measure(common_subsequence(g, t), len(g), len(t))
    one, other = ngrams(g, int(kind)), ngrams(t, int(kind))
    return f_measure((one & other).total(), one.total(), other.total())


class Rouge(TextMetric):
    """The F-measure of ROUGE between sentences in words; higher is better, 1 is exact up to case and punctuation.

    The result equals that of the package rouge-score without stemming. The model's tokeniser first joins tokens to
    words, so that pieces of words get no credit.

    Args:
        kind: 1, 2 or l (see `rouge`).

    Raises:
        UserError: `kind` is another.
    """

    unit = "share"
    higher_is_better = True
    value_range = (0.0, 1.0)

    def __init__(self, kind: str | int) -> None:
        super().__init__()
        if str(kind).lower() not in KINDS:
            raise UserError(f"metric.rouge.kind={kind}: must be one of {', '.join(KINDS)}")
        self.kind = str(kind).lower()
        short = None if self.kind == "l" else ""
        self.column = ScoreColumn(f"ROUGE-{self.kind.upper()}", short=short, bounds=self.kind == "1")

    def score(self, guess: TextBatch, truth: TextBatch) -> Tensor:
        """The F-measure per sentence, `[V, B]`, float64."""
        return each(lambda g, t: rouge(g, t, self.kind), guess.texts, truth.texts, truth.labels)

    def facts(self) -> dict[str, Any]:
        """The facts of the base, and the implementation."""
        return super().facts() | {"implementation": "as rouge-score: F-measure, no stemming, lower case, a-z and 0-9"}
