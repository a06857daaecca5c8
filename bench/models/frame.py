"""What every sentence of a model begins and ends with: public, whatever stands between."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages import Tokenizer


def frame(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The tokens before and behind a sentence (BERT: `[CLS]`, `[SEP]`; GPT-2: none), told apart by a word between."""
    bare, around = tokenizer.encode(""), tokenizer.encode("a")
    same = [one == other for one, other in zip(bare, around)]
    before = same.index(False) if False in same else len(same)
    return bare[:before], bare[before:]


def framed(mask: Tensor, tokenizer: Tokenizer) -> Tensor:
    """The token of the frame at each place, -1 elsewhere: `[..., T]`, int64.

    Args:
        mask: `[..., T]`, bool, True at tokens, which are the first of each row.
        tokenizer: the model's.
    """
    before, behind = frame(tokenizer)
    place = torch.arange(mask.shape[-1], device=mask.device).expand(mask.shape)
    from_end = mask.sum(-1, keepdim=True) - place
    found = torch.full(mask.shape, -1, dtype=torch.long, device=mask.device)
    for i, token in enumerate(before):
        found = found.masked_fill(place == i, token)
    for i, token in enumerate(behind):
        found = found.masked_fill(from_end == len(behind) - i, token)
    return found.masked_fill(~mask, -1)
