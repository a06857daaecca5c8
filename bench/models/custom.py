"""Models of the user's own, named by their import path."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from bench.errors import UserError
from bench.host.working_folder import importable
from bench.models.unwrap import unwrap


def locate(target: str, what: str) -> Callable[..., Any]:
    """Returns the class or function that `pkg.mod:Name` names; the working folder is importable, as under `python -m`.

    Args:
        target: `pkg.mod:Name`.
        what: the config's key, for messages.

    Raises:
        UserError: the path is malformed, or the module cannot be imported or has no such name.
    """
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise UserError(f"{what}={target!r}: want pkg.mod:Name (module, colon, class or function)")
    importable()
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's module may raise anything on import, and the user should see it
        raise UserError(f"{what}={target!r}: cannot import {module_name!r}: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise UserError(f"{what}={target!r}: module {module_name!r} has no class or function {name!r}")
    return found


def custom(target: str, arguments: Mapping[str, Any] | None, *, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Builds `target(**arguments)`, with `shape` and `classes` if its signature has them, and removes wrappers.

    Args:
        target: `pkg.mod:Net`, a class or function that returns an `nn.Module` from inputs `[B, C, H, W]` in [0, 1] to
            logits `[B, classes]`.
        arguments: its keyword arguments; null for none.
        shape: `(C, H, W)` of an input.
        classes: number of classes of the data.

    Raises:
        UserError: the target cannot be imported or called, or does not return a module.
    """
    build = locate(target, "model.target")
    given = dict(arguments or {})
    names = inspect.signature(build).parameters
    for name, value in (("shape", shape), ("classes", classes)):
        if name in names and name not in given:
            given[name] = value
    try:
        model = build(**given)
    except (Exception, SystemExit) as error:
        raise UserError(f"model.target={target!r}: {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise UserError(f"model.target={target!r} returned a {type(model).__name__}, not a torch.nn.Module")
    return unwrap(model)
