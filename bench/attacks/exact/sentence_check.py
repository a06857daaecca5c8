"""Whether a whole sentence was in the batch: what the second attention layer would read lies in that layer's span."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.exact.span_check import Span, projections, span_of
from bench.messages import Language


@dataclass(eq=False)
class SentenceCheck:
    """Distances of sentences from the span of the second attention layer (Petrov et al. 2024, arXiv 2405.15586).

    What that layer reads at a position depends on the whole sentence (of a decoder, on what comes before), so a word
    that belongs to another sentence moves it out of the span. No label and no loss enters.

    In a network of two attention layers the second is the last. Where only one state of it is used (a classifier's),
    only that position asks a query there: it alone must lie in the span, and the query's gradient alone is it.

    Args:
        language: what is public about the model.
        parameters: of one victim.
        span: of the second layer's inputs.
        chunk: sentences at a time, which bounds the memory.
        checked: how many sentences were checked so far.
    """

    language: Language
    parameters: dict[str, Tensor]
    span: Span
    chunk: int
    checked: int = 0

    def rows(self, tokens: Tensor) -> Tensor:
        """`[n, T]`, float64: the distance of each position that has to lie in the span; NaN at the others."""
        self.checked += len(tokens)
        pieces = [self._rows(piece) for piece in tokens.split(self.chunk)]
        return torch.cat(pieces).masked_fill(~asking(self.language, tokens), torch.nan)

    def __call__(self, tokens: Tensor) -> Tensor:
        """`[n]`: the mean distance over those positions of sentences `[n, T]` without padding."""
        return self.rows(tokens).nanmean(-1)

    def _rows(self, tokens: Tensor) -> Tensor:
        assert self.language.second_input is not None
        there = torch.ones_like(tokens, dtype=torch.bool)
        with torch.no_grad():
            return self.span.distance(self.language.second_input(self.parameters, tokens, there)).double()


def checks_prefixes(language: Language) -> bool:
    """Whether the beginning of a sentence can be checked alone, so that it is found from left to right."""
    return language.looks_back and not _one_state(language)


def asking(language: Language, tokens: Tensor) -> Tensor:
    """`[n, T]`, bool: the positions of sentences `[n, T]` that must lie in the span of the second layer."""
    every = torch.ones_like(tokens, dtype=torch.bool)
    if not _one_state(language):
        return every
    if language.head == "masked":
        assert language.tokenizer.mask is not None
        return tokens.eq(language.tokenizer.mask)
    used = torch.zeros_like(every)
    used[:, -1 if language.looks_back else 0] = True
    return used


def _one_state(language: Language) -> bool:
    """Whether the second layer is the last, and only some of its states are used."""
    some = language.head == "classification" or (language.head == "masked" and language.hidden > 0)
    return some and language.attention_layers == 2


def second_span(language: Language, gradients: dict[str, Tensor], tolerance: float, most: int) -> Span:
    """The span of what the second attention layer reads: of the positions that `asking` names, at least."""
    blocks = projections(gradients, language.second_attention)
    return span_of(blocks[:1] if _one_state(language) else blocks, tolerance, most)
