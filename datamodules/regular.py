"""Refuses to open anything but regular files: reading a FIFO or a socket waits for ever, and a device may never end."""

from __future__ import annotations

import stat
from pathlib import Path

from bench.errors import UserError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def what_else(path: Path) -> str | None:
    """Returns what a path leads to if it is no regular file (`a FIFO`, `a folder`), else None; links are followed.

    Raises:
        OSError: nothing is there, or it cannot be accessed.
    """
    mode = path.stat().st_mode
    return next((name for is_kind, name in _KINDS if is_kind(mode)), None)


def check_regular(path: Path) -> None:
    """Refuses to open a path that is no regular file.

    Raises:
        UserError: the message names the path and what it is.
        OSError: nothing is there.
    """
    kind = what_else(path)
    if kind is not None:
        raise UserError(f"{path}: is {kind}, and only regular files are read; remove it, or name another")
