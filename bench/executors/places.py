"""Divides a machine: which GPUs each of several processes sees, and how many threads it may use."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import torch
from omegaconf import DictConfig

from bench.errors import UserError
from bench.host.capacity import cores, free_memory
from bench.results.stored_leak import StoredLeak
from bench.running.devices import devices
from bench.running.kind import kind_of

# The number of evaluations from which further processes pay. Starting a process takes about 6 s of a core, in which the
# core could do about 10,000 evaluations of a small model.
PAYS_FROM = 30_000
MEMORY = 2 * 2**30  # bytes that a process takes, with torch, a model and a chunk of victims


def divided(workers: int, accelerator: str) -> list[dict[str, str]]:
    """The environment variables of each worker: its share of the cores, and of the GPUs if these are used.

    Args:
        workers: the number of workers.
        accelerator: what the cells run on (`cpu`, `cuda`, `mps`).

    Raises:
        UserError: there are fewer GPUs than workers.
    """
    threads = {"OMP_NUM_THREADS": str(max(1, cores() // workers))}
    if accelerator != "cuda":
        return [threads] * workers
    gpus = visible()
    if len(gpus) < workers:
        raise UserError(f"executor.workers={workers}: this machine shows {len(gpus)} GPUs, and each worker needs one")
    return [{**threads, "CUDA_VISIBLE_DEVICES": ",".join(gpus[place::workers])} for place in range(workers)]


def visible() -> list[str]:
    """The GPUs that this process can see, by the names that CUDA_VISIBLE_DEVICES takes."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        return [str(number) for number in range(torch.cuda.device_count())]
    return [name.strip() for name in given.split(",") if name.strip()]


def suggested(cells: Sequence[DictConfig]) -> int:
    """The number of cells that run at once if the user gives none: one per GPU, or else one per core.

    It is 1 if there is little to do, because starting a process takes time, and if the devices cannot be divided. On
    two cores, two processes of one thread did more evaluations per second than one process of two threads
    (`leakbench speed --workers`, docs/cluster.md), because tensors this small gain little from a second thread.
    """
    if len(cells) < 2 or sum(map(budget, cells)) < PAYS_FROM or any(named(cfg) for cfg in cells):
        return 1
    asked = [devices(cfg) for cfg in cells]
    if len({one.kind for one in asked}) > 1:
        return 1
    kind, most = asked[0].kind, max(one.count for one in asked)
    if kind == "cuda":
        return max(1, min(len(cells), len(visible()) // most))
    if kind != "cpu":
        return 1
    room = free_memory()
    fit = len(cells) if room is None else room // MEMORY // most
    return max(1, min(len(cells), cores() // most, fit))


def budget(cfg: DictConfig) -> float:
    """The most evaluations that a cell may take; infinite if its config does not say, as of a cell without attack."""
    if kind_of(cfg) is not StoredLeak:
        return math.inf
    if cfg.attack.get("control"):
        return 0
    victims, evaluations = cfg.data.get("victims"), cfg.attack.get("evaluations")
    return victims * evaluations if isinstance(victims, int) and isinstance(evaluations, int) else math.inf


def named(cfg: DictConfig) -> bool:
    """Whether the user names devices by number or asks for all of them, so that they cannot be divided."""
    return not isinstance(cfg.trainer.devices, int) or cfg.trainer.devices == -1
