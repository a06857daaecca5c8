"""What a tokeniser is to the data: it belongs to the model, which hands it over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

HEADS = ("classification", "masked", "causal")


class Tokenizer(Protocol):
    """Cuts a sentence into the pieces of a vocabulary, and puts pieces together again.

    `pad` fills a sentence up; `mask` hides a token (None where the vocabulary has no such piece); `special` are the
    pieces that belong to no sentence (padding, start, end, mask); `digest` is the same for the same behaviour only.
    """

    pad: int
    mask: int | None
    special: frozenset[int]
    digest: str

    def __len__(self) -> int: ...

    def encode(self, sentence: str) -> list[int]:
        """The tokens, with those that the model wants at start and end."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The words of a sentence without special tokens."""


Maker = Callable[[Sequence[str]], Tokenizer]  # from a corpus, which a vocabulary may be learned from
