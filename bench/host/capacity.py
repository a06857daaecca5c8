"""What this machine can take: its cores and its free memory, and the refusal of what goes beyond them.

Asked on the machine that does the work, before the work begins: one that is full is slow to tell anybody.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from bench.errors import UserError

BLOCK = 256  # victims that are held at a time: enough to keep the slots busy, few enough to hold in memory
A_CORE = 4  # processes of ours that a core may be given
THREADS = 64  # of a process, on whatever machine: a few more than there are cores do no harm

_ROW = 1_000  # bytes of a victim's or an example's numbers, while they are collected and summed up
_COPIES = 2  # of the inputs of a block: the truth, and what is claimed of it
_MEMINFO = Path("/proc/meminfo")
# the control group that a container or a batch system has put this process in: its folder, limit and use
_GROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_CACHED = ("inactive_file", "active_file")  # of a group's use: copies of files, which the system drops when asked


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int | None:
    """Bytes that this process can have before others are pushed out of memory; None where nobody says.

    The least of what the system calls available (`MemAvailable` of /proc/meminfo) and what a container leaves.
    """
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    for folder, limit, used in _GROUPS:
        with suppress(OSError, ValueError):  # no such group, or `max`: no limit
            cached = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            taken = int((folder / used).read_text()) - sum(int(cached.get(name, 0)) for name in _CACHED)
            found.append(int((folder / limit).read_text()) - taken)
    return max(0, min(found)) if found else None


def require_memory(wanted: int, what: str, advice: str) -> None:
    """Refuses what does not fit.

    Args:
        wanted: bytes, at least.
        what: what they are wanted for, with the keys that set it.
        advice: what to do, as the end of a sentence.

    Raises:
        UserError: more than is free.
    """
    free = free_memory()
    if free is not None and wanted > free:
        raise UserError(f"{what} take {size(wanted)} of memory at least, and {size(free)} are free; {advice}")


def size(count: int) -> str:
    """Bytes in words.

    >>> [size(n) for n in (10, 3 * 2**20, 5 * 2**40, 10**30)]
    ['1 MiB', '3 MiB', '5.0 TiB', '7.9e+17 TiB']
    """
    for unit, digits, power in (("MiB", 0, 20), ("GiB", 1, 30), ("TiB", 1, 40)):
        if count < 2 ** (power + 10):
            return f"{max(count / 2**power, 0 if digits else 1):.{digits}f} {unit}"
    return f"{count / 2**40:.2g} TiB"


def check_rows(victims: int, batch_size: int) -> None:
    """The numbers that are kept of each victim and each example, whatever these hold.

    Raises:
        UserError: more than fits into memory.
    """
    what = f"data.victims={victims}, data.batch_size={batch_size}: the rows of so many examples"
    require_memory(victims * (1 + batch_size) * _ROW, what, "take fewer")


def check_inputs(victims: int, batch_size: int, numbers: int) -> None:
    """The inputs of the victims that are held at a time.

    Args:
        victims: how many there are.
        batch_size: B.
        numbers: of an example, or fewer where that is not known yet.

    Raises:
        UserError: they do not fit into memory.
    """
    held = min(victims, BLOCK)
    what = f"data.batch_size={batch_size} with {numbers:,} numbers per example: the inputs of {held} victims"
    require_memory(held * batch_size * numbers * 4 * _COPIES, what, "take smaller batches or examples")


def check_gradients(victims: int, parameters: int, *, per_victim: bool) -> None:
    """The gradients of the victims that are held at a time, and their models where each has one of its own.

    Args:
        victims: how many there are.
        parameters: of the model.
        per_victim: whether each victim has a model of its own.

    Raises:
        UserError: they do not fit into memory.
    """
    held = min(victims, BLOCK)
    trees = held * (2 if per_victim else 1) + 1
    what = f"a model of {parameters:,} parameters: the gradients of {held} victims"
    fewer = "take a smaller model, fewer victims" + (" or model.per_victim=false" if per_victim else "")
    require_memory(trees * parameters * 4, what, fewer)


def check_processes(count: int, key: str) -> None:
    """Processes that are to be started on this machine.

    Args:
        count: how many.
        key: `trainer.devices=8`, what asks for them.

    Raises:
        UserError: more than `A_CORE` a core.
    """
    most = A_CORE * cores()
    if count > most:
        raise UserError(
            f"{key}: {count:,} processes are too many for the {cores()} cores of this machine (at most {most})"
        )


def check_threads(count: int | None, key: str) -> None:
    """Threads of a process.

    Raises:
        UserError: more than any core of this machine has use for.
    """
    most = max(THREADS, A_CORE * cores())
    if count is not None and count > most:
        raise UserError(f"{key}={count}: too many threads for the {cores()} cores of this machine (at most {most})")
