"""The earlier form of the call, `audit(module, loss, batch)`: a classifier of images in [0, 1], and class indices."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from bench.auditing.batch import checked
from bench.errors import UserError
from bench.models.batch_statistics import normalise_by_batch
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import ONE_OUTPUT, introspect
from bench.models.losses import fitted
from bench.models.math_attention import math_attention
from bench.models.shared import choose
from bench.models.unwrap import unwrapped_copy


def checked_call(module: nn.Module, loss: Any, batch: object) -> tuple[Tensor, Tensor]:
    """Images `[B, C, H, W]` and labels `[B]` of a batch that this form of the call takes.

    Raises:
        UserError: the batch, the module or the loss are not those of a classifier of images in [0, 1].
    """
    inputs, labels = checked(batch)
    module = unwrapped_copy(module)
    choose(module, None)
    count = _classes(module, inputs)
    if int(labels.max()) >= count or int(labels.min()) < 0:
        raise UserError(f"labels: want class indices 0..{count - 1}, got {labels.tolist()}")
    if module.training:
        normalise_by_batch(module)
    replace_norms(module)
    introspect(module, fitted(loss), tuple(inputs.shape[1:]), count, len(inputs))
    return inputs, labels


def _classes(module: nn.Module, inputs: Tensor) -> int:
    try:
        with torch.no_grad(), math_attention():
            logits = copy.deepcopy(module).eval()(inputs)
    except Exception as error:  # a user's module may raise anything
        raise UserError(f"the module does not take images of {list(inputs.shape[1:])}: {error}") from error
    if not isinstance(logits, Tensor) or logits.shape[:1] != inputs.shape[:1] or logits.dim() > 2:
        found = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise UserError(f"the module does not return logits [B, classes], but {found}")
    if logits.dim() == 1 or logits.shape[1] == 1:
        raise UserError(f"the module returns {list(logits.shape)}: {ONE_OUTPUT}")
    return logits.shape[1]
