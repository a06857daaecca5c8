"""Lightning's trainer for a cell: its devices, who starts its processes, and what it runs on, in words."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from bench.errors import UserError
from bench.host.capacity import check_processes

MEETING = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")  # where processes of several machines meet
PATIENCE = timedelta(days=30)  # of processes that wait for each other


def attack_trainer(cfg: DictConfig, logger: Logger | bool) -> pl.Trainer:
    """The trainer of an attack; our own sampler deals each victim once, our own bars show the victims.

    Raises:
        UserError: this machine does not have the devices.
    """
    trainer = _made(cfg, logger=logger, strategy=cfg.trainer.strategy)
    if not isinstance(trainer.strategy, DDPStrategy):
        return trainer
    _check_devices(trainer)
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


def environment() -> LightningEnvironment | None:
    """Who starts processes: Lightning finds out, but takes a job's variables for those of `srun`.

    A batch script, and a shell that a job has opened, hold them as well (`SLURM_NTASKS`), and nobody has started tasks.
    What `srun` alone sets is the step (srun(1), OUTPUT ENVIRONMENT VARIABLES).
    """
    without_srun = "SLURM_NTASKS" in os.environ and "SLURM_STEP_NUM_TASKS" not in os.environ
    elastic = "TORCHELASTIC_RUN_ID" in os.environ
    return LightningEnvironment() if without_srun and not elastic else None


def _check_devices(trainer: pl.Trainer) -> None:
    """Processes that this machine starts by itself; others are the business of who has started them (torchrun, srun).

    Raises:
        UserError: more than the machine can take, or than somebody has started on other machines.
    """
    started_by = getattr(trainer.strategy, "cluster_environment", None)
    if started_by is None or started_by.creates_processes_externally:
        return
    if trainer.num_nodes > 1 and not set(MEETING) <= set(os.environ):
        raise UserError(
            f"trainer.num_nodes={trainer.num_nodes}: nobody has started processes on other machines; call leakbench "
            f"with srun (trainer=slurm), with torchrun, or on each machine with {', '.join(MEETING)} set"
        )
    if trainer.strategy.root_device.type == "cpu":
        check_processes(trainer.num_devices, f"trainer.devices={trainer.num_devices}")


def device_in_words(trainer: pl.Trainer) -> str:
    """`cpu, 2 threads`, or the GPU's name."""
    device = trainer.strategy.root_device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"
