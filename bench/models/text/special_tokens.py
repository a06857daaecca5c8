"""The frame of a sentence: the tokens that a tokeniser puts at its start and end, whatever stands between them."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages import Tokenizer
from bench.models.text.nearest_tokens import nearest


def special_tokens_of(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tokens at start and end of every sentence: those of the empty one, parted where a word comes in."""
    empty, word = tokenizer.encode(""), tokenizer.encode("a")
    start = next((i for i, (one, other) in enumerate(zip(empty, word)) if one != other), len(empty))
    return tuple(empty[:start]), tuple(empty[start:])


def special_tokens(mask: Tensor, tokenizer: Tokenizer) -> Tensor:
    """Where a sentence's frame stands.

    Args:
        mask: `[..., T]`, bool, True at tokens: so many from the first place on.
        tokenizer: the model's.

    Returns:
        `[..., T]`, int64: the frame's tokens at their places, -1 elsewhere.
    """
    start, end = special_tokens_of(tokenizer)
    place = torch.arange(mask.shape[-1], device=mask.device)
    from_end = mask.sum(-1, keepdim=True) - 1 - place
    found = torch.full_like(mask, -1, dtype=torch.long)
    for where, tokens in ((place.expand_as(mask), start), (from_end, end[::-1])):
        for i, token in enumerate(tokens):
            found = found.masked_fill(mask & (where == i), token)
    return found


def allowed_tokens(tokenizer: Tokenizer, rows: int, device: torch.device) -> Tensor:
    """`[rows]`, bool: tokens that can be part of a sentence; a table may have more rows than there are tokens."""
    allowed = tokenizer.allowed()
    return torch.tensor(allowed + [False] * (rows - len(allowed)), device=device)


def nearest_tokens(
    embeddings: Tensor, table: Tensor, mask: Tensor, frame: Tensor, allowed: Tensor, measure: str
) -> Tensor:
    """Tokens for the embeddings of sentences whose lengths are taken as known.

    Args:
        embeddings: `[V, ..., T, D]`.
        table: `[V, N, D]`, each victim's word embedding; one for all, expanded, is not copied.
        mask: bool, where tokens stand.
        frame: what `special_tokens` makes of the mask. Both have a shape that expands to `[V, ..., T]`.
        allowed: `[N]`, bool, the tokens that may stand between the frame's.
        measure: see `bench.models.text.nearest_tokens`.

    Returns:
        `[V, ..., T]`, int64: the frame's tokens, the nearest ones between them, and -1 at padding (and where an
        embedding is not finite).
    """
    if table.stride(0) == 0:
        found = nearest(embeddings.unsqueeze(0), table[:1], allowed, measure).squeeze(0)
    else:
        found = nearest(embeddings, table, allowed, measure)
    found = torch.where(frame >= 0, frame, found)
    return torch.where(mask, found, torch.full_like(found, -1))
