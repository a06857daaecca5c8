"""Lightning's trainer for a cell, and what it runs on, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.strategies import DDPStrategy, Strategy
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from bench.errors import UserError
from bench.running.devices import check_startable, devices, environment, started_elsewhere

PATIENCE = timedelta(days=30)  # of processes that wait for each other


def attack_trainer(cfg: DictConfig) -> pl.Trainer:
    """The trainer of an attack; our own sampler deals each victim once, our own bars show the victims.

    Raises:
        UserError: this machine does not have the devices.
    """
    asked = devices(cfg)
    if not started_elsewhere():
        check_startable(asked)
    strategy: Strategy | str = cfg.trainer.strategy
    if cfg.trainer.strategy.lower().startswith("ddp") or (strategy == "auto" and asked.count * asked.machines > 1):
        # Processes may wait long for the slowest of them; bench.running.ddp_watchdog notices the dead.
        strategy = DDPStrategy(timeout=PATIENCE)
    trainer = _made(cfg, strategy=strategy)
    alone = isinstance(strategy, DDPStrategy) and trainer.world_size == 1  # one process is no group
    return _made(cfg, strategy="auto") if alone else trainer


def fitting_trainer(cfg: DictConfig, epochs: int, callbacks: Sequence[pl.Callback] = ()) -> pl.Trainer:
    """The trainer of a classifier, on one device: what is measured is one client's step.

    Args:
        cfg: of the cell.
        epochs: how many.
        callbacks: told of each.

    Raises:
        UserError: this machine does not have the device.
    """
    devices = cfg.trainer.devices
    one = 1 if isinstance(devices, int | str) else list(devices)[:1]  # the first of those that are named
    given = {"inference_mode": True, "num_nodes": 1, "devices": one, "max_epochs": epochs, "num_sanity_val_steps": 0}
    return _made(cfg, strategy="auto", callbacks=list(callbacks), **given)


def _made(cfg: DictConfig, **given: Any) -> pl.Trainer:
    try:
        return pl.Trainer(
            **{
                **cfg.trainer,
                "plugins": environment(),
                "logger": False,
                "enable_progress_bar": False,
                "use_distributed_sampler": False,
                "default_root_dir": cfg.results,
                **given,
            }
        )
    except (MisconfigurationException, RuntimeError, ValueError, TypeError) as error:
        raise UserError(f"trainer: {' '.join(str(error).split())}") from error


def device_in_words(trainer: pl.Trainer) -> str:
    """`cpu, 2 threads`, or the GPU's name."""
    device = trainer.strategy.root_device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"
