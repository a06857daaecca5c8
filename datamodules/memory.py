"""How much memory is free, so that a request that cannot fit is refused before it fills the machine."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import UserError

_MEMINFO = Path("/proc/meminfo")
# the control group that a container or a batch system has put this process in: its folder, limit and use
_GROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_CACHED = ("inactive_file", "active_file")  # of a group's use: copies of files, which the system drops when asked


def free_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not say."""
    found = [bytes_ for bytes_ in (_available(), *(_left(*group) for group in _GROUPS)) if bytes_ is not None]
    return min(found, default=None)


def check_room(needed: int, what: str, remedy: str) -> None:
    """Refuse what needs more memory than is free.

    Args:
        needed: bytes, an estimate.
        what: takes them, as the start of a sentence.
        remedy: what to do, as its end.

    Raises:
        UserError: it does not fit.
    """
    free = free_memory()
    if free is not None and needed > free:
        raise UserError(f"{what} need about {gibibytes(needed)} of memory, and {gibibytes(free)} are free; {remedy}")


def gibibytes(count: int) -> str:
    """`3.1 GiB`; three digits before the unit are enough of any amount."""
    return f"{count / 2**30:,.1f} GiB"


def _available() -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines() if ":" in line)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _left(folder: Path, limit: str, used: str) -> int | None:
    try:
        cached = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        taken = int((folder / used).read_text()) - sum(int(cached.get(name, 0)) for name in _CACHED)
        return max(0, int((folder / limit).read_text()) - taken)
    except (OSError, ValueError):  # no such group, or `max`: no limit
        return None
