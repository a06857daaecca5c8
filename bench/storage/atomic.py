"""A file appears whole or not at all: written aside in the same folder, synced, renamed."""

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import Unwritable, UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unwritable(path: Path, error: OSError) -> UserError:
    """The one line for a path that cannot be written."""
    why = os.strerror(error.errno) if error.errno else str(error)
    full = "make room and give the same command again, or " if error.errno in FULL else ""
    return Unwritable(f"cannot write {path}: {why}; {full}choose another folder with results=DIR")


def hidden(path: Path) -> Path:
    """A name beside `path` that no reader of results takes for a file of its own, different at each call."""
    return path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends well and vanishes when it does not.

    Raises:
        UserError: the file or its folder cannot be written.
    """
    temporary = hidden(path)
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        # After the rename there is nothing left; after a failure the half-written file goes.
        if temporary.exists():
            temporary.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` in one step; a file that holds it already is left as it is."""
    if _holds(path, content):
        return
    with aside(path) as temporary, temporary.open("xb") as file:
        file.write(content)


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file, and no link to one, has exactly this content."""
    try:
        found = path.lstat()
        return stat.S_ISREG(found.st_mode) and found.st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` in one step, as UTF-8 with the line ends as they are."""
    write_bytes(path, content.encode())
