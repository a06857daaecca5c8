"""The devices that a cell asks for, and who starts its processes, as the config and the environment say it.

No trainer is built, so an executor can ask this of every cell of a suite.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from omegaconf import DictConfig, ListConfig
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.plugins.environments import (
    LightningEnvironment,
    LSFEnvironment,
    MPIEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from pytorch_lightning.strategies import StrategyRegistry
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from bench.errors import UserError
from bench.host.capacity import check_processes

MEETING = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")  # where processes of several machines meet
_BEST = {"auto": ("mps", "cuda", "cpu"), "gpu": ("mps", "cuda")}  # the order in which Lightning takes them
_STARTERS = (TorchElasticEnvironment, SLURMEnvironment, LSFEnvironment, MPIEnvironment)


@dataclass(frozen=True)
class Devices:
    """The devices that a cell asks for; each has a process of its own.

    Args:
        kind: `cpu`, `cuda` or `mps`.
        count: how many there are on each machine.
        machines: the number of machines.
    """

    kind: str
    count: int
    machines: int


def devices(cfg: DictConfig) -> Devices:
    """Reads from a cell's config which devices it asks for.

    Raises:
        UserError: this machine does not have them, or there is no such strategy.
    """
    given = cfg.trainer
    if given.strategy != "auto" and given.strategy.lower() not in StrategyRegistry.available_strategies():
        raise UserError(f"trainer.strategy={given.strategy}: want auto or ddp")
    kinds = _BEST.get(given.accelerator, (given.accelerator,))
    kind = next((one for one in kinds if AcceleratorRegistry.get(one).is_available()), None)
    if kind is None:
        raise UserError(f"trainer.accelerator={given.accelerator}: this machine has none")
    accelerator = AcceleratorRegistry.get(kind)
    wanted = list(given.devices) if isinstance(given.devices, ListConfig) else given.devices
    try:
        numbers = accelerator.parse_devices(accelerator.auto_device_count() if wanted == "auto" else wanted)
        return Devices(kind, len(accelerator.get_parallel_devices(numbers)), given.num_nodes)
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


def started_elsewhere() -> bool:
    """Whether torchrun, `srun`, MPI or an executor has started this process as one of a cell's."""
    if environment() is None and any(starter.detect() for starter in _STARTERS):
        return True
    return LightningEnvironment().creates_processes_externally


def check_startable(asked: Devices) -> None:
    """Checks the processes that this machine would have to start by itself.

    Raises:
        UserError: there are more than the machine can take, or nobody starts those of the other machines.
    """
    if asked.machines > 1 and not set(MEETING) <= set(os.environ):
        raise UserError(
            f"trainer.num_nodes={asked.machines}: nobody has started processes on other machines; call leakbench "
            f"with srun (trainer=slurm), with torchrun, or on each machine with {', '.join(MEETING)} set"
        )
    if asked.kind == "cpu":
        check_processes(asked.count, f"trainer.devices={asked.count}")
