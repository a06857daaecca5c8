"""One side of a comparison of sentences, and the base of all metrics of sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from bench.metrics.base import SampleMetric
from bench.models.text.tokenizer import Tokenizer


@dataclass(eq=False)
class TextBatch:
    """V batches of B sentences with their labels.

    Args:
        inputs: `[V, B, T]`, int64 tokens; -1 stands for no claim.
        labels: `[V, B]`, int64; -1 stands for no claim.
        tokenizer: the model's tokeniser.

    Raises:
        ValueError: shapes disagree.
    """

    inputs: Tensor
    labels: Tensor
    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        if self.inputs.dim() != 3 or self.labels.shape != self.inputs.shape[:2]:
            raise ValueError(f"want [V, B, T] and [V, B], got {list(self.inputs.shape)} and {list(self.labels.shape)}")

    def victims(self, chosen: Tensor) -> TextBatch:
        """The batch of the victims that `chosen` (`[V]`, bool) marks."""
        return TextBatch(self.inputs[chosen], self.labels[chosen], self.tokenizer)

    @cached_property
    def words(self) -> list[list[list[int]]]:
        """The tokens of each sentence, `[V][B]`, without padding, other special tokens, and -1."""
        return [[self.tokenizer.words(sentence) for sentence in batch] for batch in self.inputs.tolist()]

    @cached_property
    def texts(self) -> list[list[str]]:
        """Each sentence as a text, `[V][B]`: its tokens without special ones, decoded by the tokeniser."""
        return [[self.tokenizer.decode(sentence) for sentence in batch] for batch in self.words]

    @cached_property
    def real(self) -> Tensor:
        """Which places hold a claimed token that is not a special one, `[V, B, T]`, bool."""
        special = torch.tensor(sorted(self.tokenizer.special), device=self.inputs.device)
        return (self.inputs >= 0) & ~torch.isin(self.inputs, special)


class TextMetric(SampleMetric[TextBatch]):
    """A metric with one score per sentence.

    Special tokens (padding, start, end, mask) are not part of a sentence, so no attack gets credit for them. The token
    for an unknown word counts like any other.
    """

    modality = "sentences"

    def facts(self) -> dict[str, Any]:
        """The facts of the base, without the range and the smallest size of images."""
        return super().facts() | {"range": None, "smallest": None}


def each(score: Callable[[Any, Any], float], guess: list[list[Any]], truth: list[list[Any]], like: Tensor) -> Tensor:
    """Scores each sentence.

    Args:
        score: takes one entry of `guess` and one of `truth` and returns a number.
        guess: `[V][B]`.
        truth: `[V][B]`.
        like: `[V, B, ...]`, which gives the shape and the device of the result.

    Returns:
        `[V, B]`, float64.
    """
    rows = [[score(g, t) for g, t in zip(*pair, strict=True)] for pair in zip(guess, truth, strict=True)]
    return torch.tensor(rows, dtype=torch.float64, device=like.device).reshape(like.shape[:2])
