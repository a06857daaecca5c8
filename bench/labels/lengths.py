"""Inference of the lengths of a batch's sentences from the gradient of the position embedding."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages.observation import Observation


def longest(seen: Observation) -> Tensor:
    """Returns the number of tokens of the longest sentence of each batch: `[V]`, int64, from 1 to T.

    A position that no sentence reaches has a gradient of exactly zero, so the rows that are not zero end with the
    longest sentence. They need not begin with the first row (some models number positions from 2). In a causal language
    model, the last token predicts nothing and its position has no gradient, so the sentence is one token longer than
    the rows.

    The result is exact if the client adds nothing to its gradient. Noise leaves no row zero, so the result is then T,
    as it is for a model without position embeddings.
    """
    language, places = seen.task.language, seen.task.input_shape[0]
    assert language is not None
    everything = torch.full((len(seen),), places, device=seen.ids.device)
    if language.position is None or language.position not in seen.gradients:
        return everything
    rows = (seen.gradients[language.position] != 0).any(-1).long()
    first, last = rows.argmax(1), rows.shape[1] - 1 - rows.flip(1).argmax(1)
    found = last - first + 1 + (language.head == "causal")
    return torch.where(rows.any(1), found.clamp(max=places), everything)


def inferred_mask(seen: Observation) -> Tensor:
    """`[V, B, T]`, bool: every sentence is taken to be as long as the longest of its batch."""
    assert seen.batch_size is not None
    place = torch.arange(seen.task.input_shape[0], device=seen.ids.device)
    return (place < longest(seen)[:, None, None]).expand(-1, seen.batch_size, -1).contiguous()
