"""The loss of a model that reads sentences: over classes, or over the tokens that are to be predicted."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages import NO_TARGET


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over the targets there are.

    Without a branch on values, so that it can be mapped, traced and differentiated twice.

    Args:
        logits: `[B, K]` of classes, or `[B, T, K]` of tokens.
        targets: indices `[B]` or `[B, T]`, -100 where there is nothing to predict; or probabilities of the logits'
            shape, as an attacker optimises them, all 0 where there is nothing to predict.

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
