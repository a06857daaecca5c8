"""A copy of a LightningModule whose `training_step` computes its loss and does nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from bench.errors import UserError, in_short

_PLAIN = (bool, int, float, str, type(None))
# What a module may read of its trainer, with the values of a first step on one process.
_FACTS: dict[str, Any] = {
    "current_epoch": 0,
    "global_step": 0,
    "max_epochs": 1,
    "max_steps": -1,
    "world_size": 1,
    "global_rank": 0,
    "local_rank": 0,
    "num_devices": 1,
    "num_training_batches": 1,
    "estimated_stepping_batches": 1,
    "accumulate_grad_batches": 1,
    "log_every_n_steps": 50,
    "is_global_zero": True,
    "training": True,
    "sanity_checking": False,
    "validating": False,
    "testing": False,
}


class Inert:
    """Takes the place of a logger or an optimiser: every attribute and every call gives the object itself."""

    def __getattr__(self, name: str) -> Inert:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Inert:
        return self

    def __enter__(self) -> Inert:
        return self

    def __exit__(self, *args: object) -> None:
        """Lets every exception through."""

    def __call__(self, *args: Any, **kwargs: Any) -> Inert:
        """Returns itself."""
        return self


class QuietTrainer(Inert):
    """What a module sees as its trainer: the plain facts of the real one, and nothing that acts."""

    def __init__(self, real: object | None) -> None:
        self.__dict__.update(_FACTS)
        for name in _FACTS if real is not None else ():
            try:
                value = getattr(real, name)
            except Exception:  # some facts of a trainer exist only while it runs
                continue
            if isinstance(value, _PLAIN):
                self.__dict__[name] = value


class NoMetric(nn.Module):
    """Takes the place of a torchmetrics object, which keeps a state and needs targets that are class indices."""

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Returns zero."""
        return torch.zeros(())

    update = compute = reset = forward


class Neutral:
    """Put before the class of a LightningModule: logging, trainer, optimisers and manual optimisation do nothing.

    `manual_backward` keeps the loss that it is given, in `audited_losses`.
    """

    audited_losses: list[Tensor]
    audited_trainer: QuietTrainer

    @property
    def trainer(self) -> QuietTrainer:
        """See `QuietTrainer`."""
        return self.audited_trainer

    @property
    def current_epoch(self) -> int:
        """That of the real trainer."""
        return int(self.audited_trainer.__dict__["current_epoch"])

    @property
    def global_step(self) -> int:
        """That of the real trainer."""
        return int(self.audited_trainer.__dict__["global_step"])

    @property
    def logger(self) -> Inert:
        """Takes everything."""
        return Inert()

    @property
    def loggers(self) -> list[Inert]:
        """There are none."""
        return []

    def log(self, *args: Any, **kwargs: Any) -> None:
        """Logs nothing."""

    log_dict = print = toggle_optimizer = untoggle_optimizer = clip_gradients = log

    def optimizers(self, *args: Any, **kwargs: Any) -> Inert:
        """One that does nothing."""
        return Inert()

    lr_schedulers = optimizers

    def all_gather(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns what this process has."""
        return data

    def manual_backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Keeps the loss."""
        self.audited_losses.append(loss)


def is_lightning(module: nn.Module) -> bool:
    """Whether a module is a LightningModule with a `training_step` of its own, of either package."""
    own = [kind for kind in type(module).__mro__ if "training_step" in vars(kind)]
    return bool(own) and own[0].__name__ != "LightningModule" and hasattr(module, "log")


def neutralised(copied: nn.Module, trainer: object | None) -> nn.Module:
    """Makes a copy of a LightningModule neutral, in place, and returns it.

    Args:
        copied: a copy, which belongs to nobody else.
        trainer: that of the original, or None.
    """
    for parent in list(copied.modules()):
        for name, child in list(parent._modules.items()):
            if isinstance(child, Metric | MetricCollection):
                parent._modules[name] = NoMetric()
    kind = type(copied)
    copied.__class__ = type(kind.__name__, (Neutral, kind), {"__module__": kind.__module__})
    copied.audited_losses, copied.audited_trainer = [], QuietTrainer(trainer)  # type: ignore[assignment]
    return copied


def lightning_loss(module: nn.Module, batch: Any) -> Tensor:
    """The loss of one training step.

    Args:
        module: neutralised.
        batch: what the data loader gives.

    Raises:
        UserError: the step takes an iterator of batches, or has no loss or several.
    """
    step: Any = module.training_step
    names = list(inspect.signature(step).parameters)
    if "dataloader_iter" in names:
        raise UserError("training_step takes dataloader_iter, not a batch: pass a module and loss= instead")
    losses: list[Tensor] = module.audited_losses  # type: ignore[assignment]
    losses.clear()
    found = step(batch, *[0] * (len(names) - 1))  # the numbers of the batch, and of the loader if it asks for one
    found = found.get("loss") if isinstance(found, Mapping) else found
    if losses:
        if len(losses) > 1:
            raise UserError(
                f"training_step calls manual_backward {len(losses)} times, so it shares several gradients: audit the "
                "step of one of them, by a subclass whose training_step returns its loss"
            )
        return losses[0]
    if not isinstance(found, Tensor):
        raise UserError(f"training_step returns {_what(found)}; want the loss, or a dict with the key 'loss'")
    return found


def _what(value: object) -> str:
    return "nothing" if value is None else in_short(TypeError(type(value).__name__))
