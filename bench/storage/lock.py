"""The lock of a cell: only one process at a time works on it.

The lock is flock on a file in the cell's folder, which the kernel releases when the holder dies. If several machines
share the folder and flock does not work across them, the record in the file counts: it has the host and the process,
and the file's modification time is the heartbeat. If the file system has no flock at all, the process that first makes
a second file (the claim) holds the cell. A holder that is known only from files counts as dead if its last heartbeat is
older than `STALE` seconds.

Other users may have access to the folder, so a link or a foreign file in place of the lock is left alone.
"""

# filelock is not used, because it does not keep what we need. Beside a flock it records no holder, so nobody could be
# named, and a flock that does not reach another machine would go unnoticed. It falls back to a file only if the system
# lacks flock (ENOSYS), but network file systems answer ENOLCK or EOPNOTSUPP. It takes a pipe, a hard link or another
# program's file for its lock, where we refuse. All but `_flock` below would remain.

import errno
import fcntl
import json
import os
import platform
import stat
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.errors import UserError
from bench.host.signals import check
from bench.storage.atomic import unwritable

NAME = ".lock"  # hidden, so that readers of results ignore it
CLAIM = ".lock-claim"  # the claim, for a file system without flock
BEAT, STALE = 10.0, 60.0  # seconds between two heartbeats, and from the last one until the holder counts as dead
_LONGEST = 4096  # bytes of a record
_POLL = 0.2
_OURS = b'{"host"'  # the first bytes of a record
_NO_FLOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@dataclass(frozen=True)
class Holder:
    """The process that works on a cell.

    Args:
        host: the name of its machine.
        pid: its number on that machine.
        since: when it took the lock, in nanoseconds since 1970.
    """

    host: str
    pid: int
    since: int


@contextmanager
def locked(folder: Path, notice: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of the cell in `folder` during the block; waits first while another process holds it.

    Args:
        folder: the folder of the cell.
        notice: is called once with one line if there is another process to wait for.

    Raises:
        UserError: the folder cannot be written, or a file of another origin is in the lock's place.
        Interrupted: a signal asked this process to leave while it waited.
    """
    path = folder / NAME
    handle = _opened(path)
    try:
        _wait(handle, path, notice)
        # A process that holds a flock gets it again. None means that there is no flock, so the claim holds the cell.
        claim = path.with_name(CLAIM) if _flock(handle, fcntl.LOCK_EX) is None else None
        with _beating(handle, path, claim):
            yield
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """Opens the lock's file, and makes it if need be; the user's umask decides the rights of others."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _foreign(path, "a link") from error
        raise unwritable(path, error) from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or os.pread(handle, len(_OURS), 0) not in (b"", _OURS):
        os.close(handle)
        raise _foreign(path, "a file that leakbench did not write")
    return handle


def _foreign(path: Path, what: str) -> UserError:
    return UserError(f"{path} is {what}, and the cell's lock belongs there; move it away and give the command again")


def holder(folder: Path) -> Holder | None:
    """The process that works on the cell in `folder` at this moment; None if there is none, or none is recorded."""
    path = folder / NAME
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
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
        if found and not told:  # without a record, a process has only looked, or is about to write its record
            told = True
            who = f"process {found.pid} on {found.host}"
            notice(f"{who} is at work on {path.parent.name}; waiting until it has finished")
        time.sleep(_POLL)


def _mine(handle: int, path: Path) -> bool:
    """Takes the lock if no other process has it, and says whether it did."""
    taken = _flock(handle, fcntl.LOCK_EX)
    if taken is False:
        return False
    found = _record(path)
    if found is not None and not _silent(path) and not (taken and found.host == platform.node()):
        if taken:
            fcntl.flock(handle, fcntl.LOCK_UN)
        return False
    return taken or _claimed(path.with_name(CLAIM))


def _claimed(claim: Path) -> bool:
    """Makes the claim, unless a living process has it, and says whether it did."""
    return _made(claim) or (_cleared(claim) and _made(claim))


def _made(claim: Path) -> bool:
    try:
        os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        return True
    except FileExistsError:
        return False
    except OSError as error:
        raise unwritable(claim, error) from error


def _cleared(claim: Path) -> bool:
    """Removes the claim of a dead process, and says whether it did."""
    with suppress(OSError):
        stale = claim.lstat()
        if time.time() - stale.st_mtime > STALE:
            apart = claim.with_name(f"{CLAIM}-{uuid.uuid4().hex}")
            os.rename(claim, apart)
            if apart.lstat().st_mtime != stale.st_mtime:  # another process took over meanwhile and keeps the cell
                os.link(apart, claim, follow_symlinks=False)
            apart.unlink()
            return True
    return False


def _flock(handle: int, kind: int) -> bool | None:
    """Whether the lock was free and is taken now; None if the file system has no locks."""
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
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = Holder(**json.loads(file.read(_LONGEST)))
    except (OSError, ValueError, TypeError, RecursionError):  # the record is empty (released), unfinished, or foreign
        return None
    counts = all(type(number) is int and 0 <= number < 2**63 for number in (found.pid, found.since))
    return found if isinstance(found.host, str) and counts else None


def _silent(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > STALE
    except OSError:
        return True


@contextmanager
def _beating(handle: int, path: Path, claim: Path | None) -> Iterator[None]:
    """Writes the record, updates the heartbeat during the block, and empties the record at the end."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            with suppress(OSError):
                os.utime(handle)
                if claim:
                    os.utime(claim, follow_symlinks=False)

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
        if claim:
            claim.unlink(missing_ok=True)
