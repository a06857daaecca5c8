"""Writes a file whole or not at all: under another name in the same folder, then synced and renamed."""

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import Unwritable, UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unwritable(path: Path, error: OSError, setting: str = "results") -> UserError:
    """The error for a path that cannot be written, with a sentence that says why and what to do.

    Args:
        path: the file or folder.
        error: what the system said.
        setting: the config's key of the folder.
    """
    why = os.strerror(error.errno) if error.errno else str(error)
    full = "make room and give the same command again, or " if error.errno in FULL else ""
    return Unwritable(f"cannot write {path}: {why}; {full}choose another folder with {setting}=DIR")


def hidden(path: Path) -> Path:
    """A temporary name beside `path`, different at each call, which readers of results ignore."""
    return path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def aside(path: Path, setting: str = "results") -> Iterator[Path]:
    """Yields a temporary path to write to. It is renamed to `path` if the block ends well, and removed if it fails.

    Args:
        path: the file.
        setting: the config's key of its folder, for the message.

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
        raise unwritable(path, error, setting) from error
    finally:
        # After the rename nothing is left; after a failure the half-written file is removed.
        if temporary.exists():
            temporary.unlink()


def write_bytes(path: Path, content: bytes, setting: str = "results") -> None:
    """Writes `content` to `path` in one step; a file that has this content already is left as it is.

    Args:
        path: the file.
        content: all of its bytes.
        setting: the config's key of its folder, for the message.

    Raises:
        UserError: the file or its folder cannot be written.
    """
    if _holds(path, content):
        return
    with aside(path, setting) as temporary, temporary.open("xb") as file:
        file.write(content)


def _holds(path: Path, content: bytes) -> bool:
    """Whether `path` is a regular file (not a link) with exactly this content."""
    try:
        found = path.lstat()
        return stat.S_ISREG(found.st_mode) and found.st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def write_text(path: Path, content: str) -> None:
    """Writes `content` to `path` in one step, as UTF-8 with unchanged line ends.

    Raises:
        UserError: the file or its folder cannot be written.
    """
    write_bytes(path, content.encode())
