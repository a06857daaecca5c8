"""What the data ask of a model: its head, and what makes its tokeniser."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.messages import Tokenizer

HEADS = ("classification", "masked", "causal")

Maker = Callable[[Sequence[str]], Tokenizer]  # from a corpus, which a vocabulary may be learned from
