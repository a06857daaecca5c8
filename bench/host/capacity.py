"""The capacity of this machine, its cores and its free memory, and the refusal of work that exceeds it.

The checks run on the machine that does the work, before the work begins, because a machine whose memory is full reports
errors late or never.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from bench.errors import UserError

BLOCK = 256  # victims that are held at a time: enough to keep the slots busy, and few enough to fit into memory
A_CORE = 4  # the most processes per core
THREADS = 64  # threads that a process may have on any machine; a few more threads than cores do no harm

_ROW = 1_000  # bytes that the numbers of a victim or an example take while they are collected and summarised
_COPIES = 2  # copies of the inputs of a block: the truth, and the reconstruction; both are in float32
_MEMINFO = Path("/proc/meminfo")
# The control group that a container or a batch system has put this process in: its folder, its limit and its use.
_GROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_CACHED = ("inactive_file", "active_file")  # the part of a group's use that is cached files, which can be dropped


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """The number of threads that this process may compute with: a thread per core, or fewer if OMP_NUM_THREADS says so.

    Cells that run side by side are told their share of the cores in this variable.
    """
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(int(given), cores()) if given.isdigit() and int(given) else cores()


def free_memory() -> int | None:
    """The bytes that this process can take before the system has to swap; None if the system does not say.

    It is the least of the memory that the system calls available (`MemAvailable` in /proc/meminfo) and the memory that
    the container's limit leaves.
    """
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    for folder, limit, used in _GROUPS:
        with suppress(OSError, ValueError):  # there is no such group, or its limit is `max`, which is none
            cached = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            taken = int((folder / used).read_text()) - sum(int(cached.get(name, 0)) for name in _CACHED)
            found.append(int((folder / limit).read_text()) - taken)
    return max(0, min(found)) if found else None


def require_memory(wanted: int, what: str, advice: str) -> None:
    """Refuses work that does not fit into memory.

    Args:
        wanted: the bytes that the work takes at least.
        what: what takes the memory, with the keys that set it; the plural subject of the message.
        advice: what to do, as the end of the message.

    Raises:
        UserError: less memory is free.
    """
    free = free_memory()
    if free is not None and wanted > free:
        raise UserError(f"{what} take {size(wanted)} of memory at least, and {size(free)} are free; {advice}")


def size(count: int) -> str:
    """A number of bytes in words, in MiB, GiB or TiB.

    >>> [size(n) for n in (10, 3 * 2**20, 5 * 2**40, 10**30)]
    ['1 MiB', '3 MiB', '5.0 TiB', '9.1e+17 TiB']
    """
    for unit, digits, power in (("MiB", 0, 20), ("GiB", 1, 30), ("TiB", 1, 40)):
        if count < 2 ** (power + 10):
            return f"{max(count / 2**power, 0 if digits else 1):.{digits}f} {unit}"
    return f"{count / 2**40:.2g} TiB"


def check_rows(victims: int, batch_size: int) -> None:
    """Checks that the rows of all victims and examples fit into memory.

    Args:
        victims: the number of victims.
        batch_size: B.

    Raises:
        UserError: they do not fit.
    """
    what = f"data.victims={victims}, data.batch_size={batch_size}: the rows of so many examples"
    require_memory(victims * (1 + batch_size) * _ROW, what, "take fewer")


def check_inputs(victims: int, batch_size: int, numbers: int) -> None:
    """Checks that the inputs of the victims that are held at a time fit into memory.

    Args:
        victims: the number of victims.
        batch_size: B.
        numbers: how many numbers an example has, or a lower bound if that is not known yet.

    Raises:
        UserError: they do not fit into memory.
    """
    held = min(victims, BLOCK)
    what = f"data.batch_size={batch_size} with {numbers:,} numbers per example: the inputs of {held} victims"
    require_memory(held * batch_size * numbers * 4 * _COPIES, what, "take smaller batches or examples")


def check_gradients(victims: int, parameters: int, *, per_victim: bool, width: int) -> None:
    """Checks that the gradients of the victims that are held at a time fit into memory, with their models if need be.

    Args:
        victims: the number of victims.
        parameters: how many parameters the model has.
        per_victim: whether each victim has a model of its own.
        width: the bytes of a number of a gradient.

    Raises:
        UserError: they do not fit into memory.
    """
    held = min(victims, BLOCK)
    trees = held * (2 if per_victim else 1) + 1
    what = f"a model of {parameters:,} parameters: the gradients of {held} victims"
    fewer = "take a smaller model, fewer victims" + (" or model.per_victim=false" if per_victim else "")
    require_memory(trees * parameters * width, what, fewer)


def check_processes(count: int, key: str) -> None:
    """Refuses to start too many processes on this machine.

    Args:
        count: the number of processes.
        key: the setting that asks for them, such as `trainer.devices=8`.

    Raises:
        UserError: there would be more than `A_CORE` processes per core.
    """
    most = A_CORE * cores()
    if count > most:
        raise UserError(
            f"{key}: {count:,} processes are too many for the {cores()} cores of this machine (at most {most})"
        )


def check_threads(count: int | None, key: str) -> None:
    """Refuses too many threads per process.

    Args:
        count: the number of threads; None is always accepted.
        key: the config's key that sets it, for the message.

    Raises:
        UserError: there would be more than `THREADS` threads and more than `A_CORE` per core.
    """
    most = max(THREADS, A_CORE * cores())
    if count is not None and count > most:
        raise UserError(f"{key}={count}: too many threads for the {cores()} cores of this machine (at most {most})")
