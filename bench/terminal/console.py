"""Who may write where: libraries are silenced, and stdout is kept for the one document that was asked for."""

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO


def quiet() -> None:
    """Silences what Lightning, torch and others say on their own account; an error of theirs still shows."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    os.environ.setdefault("WANDB_SILENT", "true")


def opened() -> None:
    """Standard streams that the caller has closed (`leakbench list >&-`) lead nowhere, instead of into the next file
    that is opened: it would get their numbers.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))


def nowhere(stream: TextIO | None) -> None:
    """From here on nothing that is said there reaches anybody, nor fails: its reader has gone, or its disk is full."""
    with contextlib.suppress(AttributeError, OSError, io.UnsupportedOperation):
        assert stream is not None
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def stdout_kept() -> Iterator[TextIO]:
    """The real stdout, while everything else that writes to it (libraries and child processes too) reaches stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        # sys.stdout need not write to file descriptor 1: whoever calls main() may have put something else there
        with os.fdopen(os.dup(kept), "w", encoding="utf-8") as out, contextlib.redirect_stdout(sys.stderr):
            yield out
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
