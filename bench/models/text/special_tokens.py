"""The tokens that a tokeniser puts at the start and end of every sentence, whatever the sentence is."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages.task import TokenizerProtocol
from bench.models.text.nearest_tokens import nearest


def special_tokens_of(tokenizer: TokenizerProtocol) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tokens at start and end of every sentence: those of the empty one, split where a word begins."""
    empty, word = tokenizer.encode(""), tokenizer.encode("a")
    start = next((i for i, (one, other) in enumerate(zip(empty, word)) if one != other), len(empty))
    return tuple(empty[:start]), tuple(empty[start:])


def special_tokens(mask: Tensor, tokenizer: TokenizerProtocol) -> Tensor:
    """Returns the special tokens at the start and end of sentences, in their places.

    Args:
        mask: `[..., T]`, bool, true at tokens, which are contiguous from the first place on.
        tokenizer: the model's tokeniser.

    Returns:
        `[..., T]`, int64: the special tokens in their places, -1 elsewhere.
    """
    start, end = special_tokens_of(tokenizer)
    place = torch.arange(mask.shape[-1], device=mask.device)
    from_end = mask.sum(-1, keepdim=True) - 1 - place
    found = torch.full_like(mask, -1, dtype=torch.long)
    for where, tokens in ((place.expand_as(mask), start), (from_end, end[::-1])):
        for i, token in enumerate(tokens):
            found = found.masked_fill(mask & (where == i), token)
    return found


def allowed_tokens(tokenizer: TokenizerProtocol, rows: int, device: torch.device) -> Tensor:
    """Says which rows of an embedding table are tokens that can be part of a sentence: `[rows]`, bool.

    Args:
        tokenizer: the model's tokeniser.
        rows: number of rows of the table, at least the number of tokens.
        device: device of the result.
    """
    allowed = tokenizer.allowed()
    return torch.tensor(allowed + [False] * (rows - len(allowed)), device=device)


def nearest_tokens(
    embeddings: Tensor, table: Tensor, mask: Tensor, frame: Tensor, allowed: Tensor, measure: str
) -> Tensor:
    """Returns the tokens of sentence embeddings, for sentences whose lengths are taken as known.

    Args:
        embeddings: `[V, ..., T, D]`.
        table: `[V, N, D]`, each victim's word embedding; one for all victims, expanded, is not copied.
        mask: bool, true at tokens, of a shape that expands to `[V, ..., T]`.
        frame: what `special_tokens` returns for the mask, of the same shape.
        allowed: `[N]`, bool, the tokens that may stand between start and end.
        measure: see `bench.models.text.nearest_tokens`.

    Returns:
        `[V, ..., T]`, int64: the special tokens, the nearest tokens between them, and -1 at padding and at embeddings
        that are not finite.
    """
    if table.stride(0) == 0:
        found = nearest(embeddings.unsqueeze(0), table[:1], allowed, measure).squeeze(0)
    else:
        found = nearest(embeddings, table, allowed, measure)
    found = torch.where(frame >= 0, frame, found)
    return torch.where(mask, found, torch.full_like(found, -1))
