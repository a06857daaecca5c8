"""Runs a model once to learn how it is built, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Puts all modules into eval mode meanwhile, so that a probe draws no dropout and moves no running statistics.

    Each module gets its own mode back, also after an exception.

    Args:
        model: of any modes.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
