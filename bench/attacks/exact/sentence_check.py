"""A test whether a whole sentence was in the batch: its inputs to the second attention layer lie in that layer's span.

The first attention layer tests tokens one by one (`bench.attacks.exact.span_check`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.exact.span_check import Span, projections, span_of
from bench.messages.task import Language


@dataclass(eq=False)
class SentenceCheck:
    """Distances of sentences from the span of the second attention layer (Petrov et al. 2024, arXiv 2405.15586).

    The input of that layer at a position depends on the whole sentence (in a decoder, on the tokens up to there). A
    wrong word therefore moves it out of the span. No label and no loss enters.

    If the network has only two attention layers, the second is the last. If in addition only one of its output
    positions is used, as in a classifier, only that position has a query with a gradient. Then only that position must
    lie in the span, and the span is that of the query's gradient alone.

    Args:
        language: what is public about the model.
        parameters: `{name: tensor}` of one victim.
        span: the span of the second layer's inputs.
        chunk: number of sentences at a time, which bounds the memory.
        checked: how many sentences have been checked so far.
    """

    language: Language
    parameters: dict[str, Tensor]
    span: Span
    chunk: int
    checked: int = 0

    def rows(self, tokens: Tensor) -> Tensor:
        """Returns the distance `[n, T]`, float64, of each position that must lie in the span; NaN elsewhere."""
        self.checked += len(tokens)
        pieces = [self._rows(piece) for piece in tokens.split(self.chunk)]
        return torch.cat(pieces).masked_fill(~asking(self.language, tokens), torch.nan)

    def __call__(self, tokens: Tensor) -> Tensor:
        """Returns `[n]`: the mean distance over those positions of sentences `[n, T]` without padding."""
        return self.rows(tokens).nanmean(-1)

    def _rows(self, tokens: Tensor) -> Tensor:
        assert self.language.second_input is not None
        there = torch.ones_like(tokens, dtype=torch.bool)
        with torch.no_grad():
            return self.span.distance(self.language.second_input(self.parameters, tokens, there)).double()


def checks_prefixes(language: Language) -> bool:
    """Whether the beginning of a sentence can be checked alone, so that sentences can be found from left to right."""
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
    """Whether the second layer is the last, and only some of its output positions are used."""
    some = language.head == "classification" or (language.head == "masked" and language.hidden > 0)
    return some and language.attention_layers == 2


def second_span(language: Language, gradients: dict[str, Tensor], tolerance: float, most: int) -> Span:
    """Returns the span of the inputs of the second attention layer, at least at the positions that `asking` names.

    Args:
        language: what is public about the model.
        gradients: `{name: gradient}` of one victim.
        tolerance: see `span_of`.
        most: see `span_of`.
    """
    blocks = projections(gradients, language.second_attention)
    return span_of(blocks[:1] if _one_state(language) else blocks, tolerance, most)
