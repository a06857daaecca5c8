"""One side of a comparison of sentences, and what every metric of sentences is."""

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
        inputs: `[V, B, T]`, int64 tokens; -1 where none is claimed.
        labels: `[V, B]`, int64; -1 where no claim is made.
        tokenizer: the model's.

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
        """The victims that `chosen` (`[V]`, bool) marks."""
        return TextBatch(self.inputs[chosen], self.labels[chosen], self.tokenizer)

    @cached_property
    def words(self) -> list[list[list[int]]]:
        """Each sentence's tokens `[V][B]`, without padding and other special ones, and without -1."""
        return [[self.tokenizer.words(sentence) for sentence in batch] for batch in self.inputs.tolist()]

    @cached_property
    def texts(self) -> list[list[str]]:
        """Each sentence `[V][B]` in words: `words`, put together by the tokeniser."""
        return [[self.tokenizer.decode(sentence) for sentence in batch] for batch in self.words]

    @cached_property
    def real(self) -> Tensor:
        """`[V, B, T]`, bool: True where a token is claimed that is part of a sentence."""
        special = torch.tensor(sorted(self.tokenizer.special), device=self.inputs.device)
        return (self.inputs >= 0) & ~torch.isin(self.inputs, special)


class TextMetric(SampleMetric[TextBatch]):
    """A score a sentence.

    Special tokens (padding, start, end, mask) are no part of a sentence: nobody is credited with them. An unknown
    word's token is one like any other.
    """

    things = "sentences"

    def facts(self) -> dict[str, Any]:
        """The base's facts; there are no pixels."""
        return super().facts() | {"range": None, "smallest": None}


def each(score: Callable[[Any, Any], float], guess: list[list[Any]], truth: list[list[Any]], like: Tensor) -> Tensor:
    """`score(guess, truth)` of each sentence: `[V][B]` twice -> `[V, B]`, float64, on the device of `like`."""
    rows = [[score(g, t) for g, t in zip(*pair, strict=True)] for pair in zip(guess, truth, strict=True)]
    return torch.tensor(rows, dtype=torch.float64, device=like.device).reshape(like.shape[:2])
