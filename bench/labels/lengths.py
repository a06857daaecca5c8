"""How long the sentences of a batch are, read off the gradient of the position embedding."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages import Observation


def longest(seen: Observation) -> Tensor:
    """Tokens of the longest sentence of each batch: `[V]`, int64, from 1 to T.

    A position that no sentence reaches has a gradient of exactly zero, so the rows that are not zero end with the
    longest sentence. They need not start at the first (some models number positions from 2). In a causal language model
    the last token predicts nothing: its position has no gradient, and the sentence is one longer than the rows.

    Exact where the client adds nothing to its gradient; noise, which leaves no row zero, makes it T, and so does a
    model without a table of positions.
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
    """`[V, B, T]`, bool: every sentence as long as the `longest` of its batch."""
    assert seen.batch_size is not None
    place = torch.arange(seen.task.input_shape[0], device=seen.ids.device)
    return (place < longest(seen)[:, None, None]).expand(-1, seen.batch_size, -1).contiguous()
