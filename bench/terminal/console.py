"""Controls the standard streams: libraries are silenced, and stdout is reserved for the document of `--json`."""

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO


def quiet() -> None:
    """Silences the messages and warnings of Lightning, torch and other libraries; their errors are still shown."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    os.environ.setdefault("WANDB_SILENT", "true")


def opened() -> None:
    """Opens standard streams that the caller has closed (`leakbench list >&-`) on the null device.

    Otherwise the next file that is opened would get their numbers, and output would go into that file.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))


def nowhere(stream: TextIO | None) -> None:
    """Redirects a stream to the null device, so that further output does not fail if its reader has gone."""
    with contextlib.suppress(AttributeError, OSError, io.UnsupportedOperation):
        assert stream is not None
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def stdout_kept() -> Iterator[TextIO]:
    """Yields the real stdout, while all other output to it (also of libraries and child processes) goes to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        # sys.stdout need not write to file descriptor 1: the caller of main() may have replaced it.
        with os.fdopen(os.dup(kept), "w", encoding="utf-8") as out, contextlib.redirect_stdout(sys.stderr):
            yield out
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
