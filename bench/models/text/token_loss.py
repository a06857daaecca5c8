"""The loss of models that read sentences: over classes, or over the tokens that are to be predicted."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages.victims import NO_TARGET


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Returns the mean cross entropy over all targets.

    It has no branch on values, so that it can be mapped, traced and differentiated twice.

    Args:
        logits: `[B, K]` for classes, or `[B, T, K]` for tokens.
        targets: indices `[B]` or `[B, T]`, -100 if there is nothing to predict; or probabilities of the logits' shape,
            as an attacker optimises them, zero if there is nothing to predict.

    Example:
        >>> logits = torch.tensor([[[0.0, 0.0], [9.0, 0.0]]])
        >>> cross_entropy(logits, torch.tensor([[1, -100]])).exp()
        tensor(2.)
    """
    scores = logits.log_softmax(-1)
    if targets.is_floating_point():
        return -(targets * scores).sum() / targets.sum()
    there = targets != NO_TARGET
    chosen = scores.gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return -torch.where(there, chosen, torch.zeros_like(chosen)).sum() / there.sum()
