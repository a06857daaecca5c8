"""One process at a time works on a cell: flock on a file in its folder, which the kernel frees when the holder dies.

Where several machines share the folder and flock does not reach across (or is not to be had at all), the record in the
file tells: host, process, and a heartbeat, which is the file's time of change. A holder on another machine counts as
dead when its heart has not beaten for `STALE` seconds.
"""

import errno
import fcntl
import json
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.interrupt import check
from bench.results.atomic import unwritable

NAME = ".lock"  # hidden: no reader of results takes it for a file of its own
BEAT, STALE = 10.0, 60.0  # seconds
_POLL = 0.2
_NO_FLOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@dataclass(frozen=True)
class Holder:
    """Who works on a cell: machine, process, and since when (nanoseconds since 1970)."""

    host: str
    pid: int
    since: int


@contextmanager
def locked(folder: Path, notice: Callable[[str], None]) -> Iterator[None]:
    """Holds the cell in `folder`; waits while somebody else does.

    Args:
        folder: of the cell.
        notice: told once, in one line, if there is somebody to wait for.

    Raises:
        UserError: the folder cannot be written.
        Interrupted: the process was asked to leave while it waited.
    """
    path = folder / NAME
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        _wait(handle, path, notice)
        with _beating(handle, path):
            yield
    finally:
        os.close(handle)


def holder(folder: Path) -> Holder | None:
    """Who works on the cell in `folder` at this moment; None for nobody, or nobody who can be told."""
    path = folder / NAME
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        found = _record(path)
        if found is None or (found.host != platform.node() and _silent(path)):
            return None
        if found.host != platform.node():
            return found
        free = _flock(handle, fcntl.LOCK_SH)
        return None if free or (free is None and _silent(path)) else found
    finally:
        os.close(handle)


def _wait(handle: int, path: Path, notice: Callable[[str], None]) -> None:
    told = False
    while not _mine(handle, path):
        check()
        found = _record(path)
        if found and not told:  # without a record somebody has only looked, or is about to write it
            told = True
            who = f"process {found.pid} on {found.host}"
            notice(f"{who} is at work on {path.parent.name}; waiting until it has finished")
        time.sleep(_POLL)


def _mine(handle: int, path: Path) -> bool:
    """Takes the lock, if nobody has it."""
    taken = _flock(handle, fcntl.LOCK_EX)
    if taken is False:
        return False
    found = _record(path)
    if found is None or _silent(path) or (taken and found.host == platform.node()):
        return True
    if taken:
        fcntl.flock(handle, fcntl.LOCK_UN)
    return False


def _flock(handle: int, kind: int) -> bool | None:
    """Whether the lock was free and is taken now; None where the file system has no locks."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_FLOCK:
            return None
        raise
    return True


def _record(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):  # released (empty), or just being written
        return None


def _silent(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > STALE
    except OSError:
        return True


@contextmanager
def _beating(handle: int, path: Path) -> Iterator[None]:
    """Writes the record, keeps it fresh, and empties it at the end."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            with suppress(OSError):
                os.utime(handle)

    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(asdict(Holder(platform.node(), os.getpid(), time.time_ns()))).encode(), 0)
    except OSError as error:
        raise unwritable(path, error) from error
    heart = threading.Thread(target=beat, name="leakbench-heartbeat", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()
        with suppress(OSError):
            os.ftruncate(handle, 0)
