"""Submodules with a mode of their own: a frozen BatchNorm within training, dropout that stays on within evaluation."""

from __future__ import annotations

from types import MethodType

from torch import nn


def keep_modes(module: nn.Module) -> None:
    """Makes every submodule whose mode is not that of the whole keep it, in place: `train()` and `eval()` pass it by.

    What attacks a module sets the mode of the whole, as a client would of a model in one mode.

    Args:
        module: a copy that is the caller's own; copies of it keep the modes too.
    """
    for part in module.modules():
        if part.training is not module.training:
            part.train = MethodType(_kept, part)  # type: ignore[method-assign]  # a method, which copies rebind


def _kept(module: nn.Module, mode: bool = True) -> nn.Module:
    """Stands in place of `nn.Module.train`."""
    return module
