"""One process at a time works on a cell: flock on a file in its folder, which the kernel frees when the holder dies.

Where several machines share the folder and flock does not reach across, the record in the file tells: host, process,
and a heartbeat, which is the file's time of change. Where flock is not to be had at all, who makes a second file first
holds the cell. A holder that only files speak of counts as dead when its heart has not beaten for `STALE` seconds.

The folder may be shared with others: a link, or a file that is not ours, in place of the lock is left as it is.
"""

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

NAME = ".lock"  # hidden: no reader of results takes it for a file of its own
CLAIM = ".lock-claim"  # where there is no flock
BEAT, STALE = 10.0, 60.0  # seconds
_LONGEST = 4096  # bytes of a record
_POLL = 0.2
_OURS = b'{"host"'  # how a record begins
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
        UserError: the folder cannot be written, or something that is no lock of ours is in the lock's place.
        Interrupted: the process was asked to leave while it waited.
    """
    path = folder / NAME
    handle = _opened(path)
    try:
        _wait(handle, path, notice)
        # asked for again it is granted again; None: it is the claim that holds the cell
        claim = path.with_name(CLAIM) if _flock(handle, fcntl.LOCK_EX) is None else None
        with _beating(handle, path, claim):
            yield
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """The lock's file, made if need be, with the rights that the user's mask leaves to others."""
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
    """Who works on the cell in `folder` at this moment; None for nobody, or nobody who can be told."""
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
    if found is not None and not _silent(path) and not (taken and found.host == platform.node()):
        if taken:
            fcntl.flock(handle, fcntl.LOCK_UN)
        return False
    return taken or _claimed(path.with_name(CLAIM))


def _claimed(claim: Path) -> bool:
    """Makes the file that says who holds the cell, where nobody alive has it."""
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
    """Whether the claim of somebody dead was taken away."""
    with suppress(OSError):
        stale = claim.lstat()
        if time.time() - stale.st_mtime > STALE:
            apart = claim.with_name(f"{CLAIM}-{uuid.uuid4().hex}")
            os.rename(claim, apart)
            if apart.lstat().st_mtime != stale.st_mtime:  # another took over in between: it keeps the cell
                os.link(apart, claim, follow_symlinks=False)
            apart.unlink()
            return True
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
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = Holder(**json.loads(file.read(_LONGEST)))
    except (OSError, ValueError, TypeError, RecursionError):  # released (empty), just being written, or foreign
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
    """Writes the record, keeps it fresh, and empties it at the end."""
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
