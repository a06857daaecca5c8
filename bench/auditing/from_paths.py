"""A module and a batch that import paths name, `my_pkg.module:Model` and `my_pkg.data:DataModule`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from bench.auditing.leaves import leaves
from bench.errors import UserError, in_short
from bench.models import checkpoint as checkpoints
from bench.models.custom import locate


def module_of(path: str, checkpoint: str | None) -> nn.Module:
    """The module in train mode, as a training computes with it.

    Args:
        path: `pkg.mod:Name`, a LightningModule, an nn.Module, or a function without arguments that returns one.
        checkpoint: a file of weights; a LightningModule takes its hyperparameters from it, too. None for weights as
            they are drawn.

    Raises:
        UserError: the path, the module or the file cannot be used.
    """
    build = locate(path, "module")
    try:
        given = {} if checkpoint is None else _hyperparameters(build, checkpoint)
        module = _called(build, path, "module", given)
        if not isinstance(module, nn.Module):
            raise UserError(f"module={path!r} is a {type(module).__name__}; want an nn.Module or a LightningModule")
        if checkpoint is not None:
            checkpoints.load(module, checkpoint)
    except UserError as error:  # the file is named as it was given
        raise UserError(str(error).replace("model.checkpoint=", "--checkpoint ")) from None
    return module.train()


def _hyperparameters(build: Any, checkpoint: str) -> dict[str, Any]:
    """Those that `save_hyperparameters` left in a checkpoint, as far as the constructor takes them."""
    found = checkpoints.hyperparameters(checkpoint)
    taken = inspect.signature(build).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values()):
        return found
    return {name: value for name, value in found.items() if name in taken}


def batch_of(path: str) -> Any:
    """The first batch of a training.

    Args:
        path: `pkg.mod:Name`, a LightningDataModule, or a function without arguments that returns one, a DataLoader, or
            a batch.

    Raises:
        UserError: the path cannot be used, or there is no batch.
    """
    found = _called(locate(path, "--data"), path, "--data", {})
    hooks = found if hasattr(found, "train_dataloader") else None
    if hooks is not None:
        found = _loader(hooks, path)
    if isinstance(found, Tensor | Mapping | tuple | list) and leaves(found):
        return found
    if not isinstance(found, Iterable):
        raise UserError(f"--data {path!r} is a {type(found).__name__}; want a LightningDataModule or a DataLoader")
    try:
        batch = next(iter(found), None)
        for name in ("on_before_batch_transfer", "on_after_batch_transfer") if hooks is not None else ():
            if hasattr(hooks, name):
                batch = getattr(hooks, name)(batch, 0)
    except Exception as error:  # data of a user's own may raise anything
        raise UserError(f"--data {path!r}: the first batch cannot be read: {_said(error)}") from error
    if batch is None:
        raise UserError(f"--data {path!r}: the loader holds no batch")
    return batch


def _loader(data: Any, path: str) -> Any:
    try:
        data.prepare_data()
        data.setup("fit")
        found = data.train_dataloader()
    except Exception as error:
        raise UserError(f"--data {path!r}: {_said(error)}") from error
    if isinstance(found, Mapping | list | tuple):
        raise UserError(f"--data {path!r} has {len(found)} loaders: name a function that returns one of them")
    return found


def _called(build: Any, path: str, what: str, given: dict[str, Any]) -> Any:
    try:
        return build(**given)
    except (Exception, SystemExit) as error:
        hint = ""
        if isinstance(error, TypeError) and "required" in str(error):
            hint = "; name a function without arguments that builds it"
            hint += ", or a checkpoint of save_hyperparameters()" if what == "module" else ""
        raise UserError(f"{what}={path!r}: {_said(error)}{hint}".replace("--data=", "--data ")) from error


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {in_short(error)}"
