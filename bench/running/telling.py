"""A logger is told of each cell once: a telling that was cut short is made up for by the next command.

Whoever is going to compute or tell leaves a mark in the cell first, while there is room for it, and takes it away when
the logger has been told. So neither a full disk nor a killed process loses a telling, and a cell that was told of is
left alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bench.loggers.base import CellLogger
from bench.results.stored_cell import StoredCell
from bench.storage.atomic import unwritable

NAME = ".untold"  # hidden: no reader of results takes it for a file of its own


def owed(logger: CellLogger, cell: StoredCell) -> bool:
    """Whether the logger was to be told of this cell, and nobody knows that it was."""
    return logger.tells and (cell.folder / NAME).exists()


@contextmanager
def telling(logger: CellLogger, cell: StoredCell) -> Iterator[None]:
    """Around the work on a cell, its last step included: the logger's `finish`. For who holds the cell.

    Raises:
        Unwritable: the cell's folder cannot be written.
    """
    if not logger.tells:
        yield
        return
    mark = cell.folder / NAME
    try:
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666))
    except OSError as error:
        raise unwritable(cell.folder, error) from error
    try:
        yield
    except BaseException:
        logger.drop()
        raise
    mark.unlink(missing_ok=True)
