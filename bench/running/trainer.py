"""Lightning's trainer for a cell, and what it runs on, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from bench.errors import UserError
from bench.running.devices import Devices, check_startable, environment, started_elsewhere

PATIENCE = timedelta(days=30)  # of processes that wait for each other


def attack_trainer(cfg: DictConfig, logger: Logger | bool) -> pl.Trainer:
    """The trainer of an attack; our own sampler deals each victim once, our own bars show the victims.

    Raises:
        UserError: this machine does not have the devices.
    """
    trainer = _made(cfg, logger=logger, strategy=cfg.trainer.strategy)
    if not isinstance(trainer.strategy, DDPStrategy):
        return trainer
    if not started_elsewhere():
        check_startable(Devices(trainer.strategy.root_device.type, trainer.num_devices, trainer.num_nodes))
    # One process is no group. Several may wait long for the slowest of them; bench.running.ddp_watchdog notices the
    # dead.
    strategy = "auto" if trainer.world_size == 1 else DDPStrategy(timeout=PATIENCE)
    return _made(cfg, logger=logger, strategy=strategy)


def fitting_trainer(cfg: DictConfig, epochs: int) -> pl.Trainer:
    """The trainer of a classifier, on one device: what is measured is one client's step.

    Raises:
        UserError: this machine does not have the device.
    """
    devices = cfg.trainer.devices
    one = devices if not isinstance(devices, int | str) else 1
    given = {"inference_mode": True, "num_nodes": 1, "devices": one, "max_epochs": epochs, "num_sanity_val_steps": 0}
    return _made(cfg, logger=False, strategy="auto", **given)


def _made(cfg: DictConfig, **given: Any) -> pl.Trainer:
    try:
        return pl.Trainer(
            **{
                **cfg.trainer,
                "plugins": environment(),
                "enable_progress_bar": False,
                "use_distributed_sampler": False,
                "default_root_dir": cfg.results,
                **given,
            }
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise UserError(f"trainer: {' '.join(str(error).split())}") from error


def device_in_words(trainer: pl.Trainer) -> str:
    """`cpu, 2 threads`, or the GPU's name."""
    device = trainer.strategy.root_device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"
