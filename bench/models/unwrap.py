"""Unwraps a network from what a training has wrapped around it."""

from __future__ import annotations

import copy
import functools

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from bench.errors import UserError

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class LocalBatchNorm(_BatchNorm):
    """BatchNorm of inputs with any number of dimensions; what becomes of a SyncBatchNorm."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any is served."""


def unwrap(module: nn.Module) -> nn.Module:
    """Returns the float32 network inside `DataParallel`, DDP, `torch.compile` or Opacus, at any depth.

    The module is changed in place: wrappers inside it are replaced by what they wrap, Opacus' hooks are removed, and
    weights and buffers of another floating-point type are cast. A SyncBatchNorm normalises by this process's batch. The
    gradient that is attacked is then that of the same step in float32, which waits for no other process.
    """
    return _stripped(module).float()


def unwrapped_copy(module: nn.Module) -> nn.Module:
    """Returns `unwrap` of a copy; `module` itself does not change.

    Raises:
        UserError: the module cannot be copied.
    """
    try:
        return unwrap(copy.deepcopy(_inside(module)))
    except Exception as error:  # a user's module may hold anything
        reason = " ".join(str(error).split())
        raise UserError(f"module {type(module).__name__} cannot be copied (copy.deepcopy): {reason}") from error


def _stripped(module: nn.Module) -> nn.Module:
    module = _inside(module)
    for name, child in module._modules.items():  # a child with two names occurs twice
        if child is not None and (inner := _stripped(child)) is not child:
            module._modules[name] = inner
    if module._compiled_call_impl is not None:  # compiled in place, by `module.compile()`
        module._compiled_call_impl = None
    if isinstance(module, nn.SyncBatchNorm):
        module.__class__ = LocalBatchNorm  # type: ignore[assignment]
    for kind in _HOOKS:
        hooks = getattr(module, kind)
        for key in [key for key, hook in hooks.items() if _of_opacus(hook)]:
            del hooks[key]
    return module


def _inside(module: nn.Module) -> nn.Module:
    while True:
        inner = None
        if isinstance(module, nn.DataParallel | DistributedDataParallel):
            inner = module.module
        elif isinstance(getattr(module, "_orig_mod", None), nn.Module):  # torch.compile's type has no public name
            inner = module._orig_mod
        elif _of_opacus(type(module)):
            inner = getattr(module, "_module", None)
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def _of_opacus(what: object) -> bool:
    """Whether a type or a hook, or the function of a partial hook, belongs to the package `opacus`."""
    what = what.func if isinstance(what, functools.partial) else what
    return str(getattr(what, "__module__", "")).partition(".")[0] == "opacus"
