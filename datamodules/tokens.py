"""What text data need from a model: its head, and the function that makes its tokeniser."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.messages.task import TokenizerProtocol

HEADS = ("classification", "masked", "causal")

Maker = Callable[
    [Sequence[str]], TokenizerProtocol
]  # corpus -> tokeniser, whose vocabulary may be learned from the corpus
