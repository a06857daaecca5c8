"""The log file of a run: what is printed, with time stamps, in `RESULTS/logs/`.

Lines are kept in memory until something is computed, because a command that finds everything done writes nothing. The
file holds no folder of this machine and no control character, so it can be handed on with the results.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from bench.terminal.printable import visible

_BUFFERED = 10_000  # lines that are kept until there is a file; further ones are dropped


class Transcript:
    """What one command has printed.

    Args:
        words: the words of the command line.
        clean: takes the folders of this machine out of a line or a word.
    """

    def __init__(self, words: Sequence[str], clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._name = words[0] if words else "leakbench"
        self._lines: list[str] = []
        self._file: TextIO | None = None
        self.add(" ".join(["leakbench", *map(clean, words)]))

    def add(self, text: str) -> None:
        """Adds printed lines; if the disk is full they are lost, and the work goes on."""
        for line in text.rstrip("\n").split("\n"):
            stamped = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {self._clean(visible(line)).rstrip()}\n"
            if self._file is None:
                if len(self._lines) < _BUFFERED:
                    self._lines.append(stamped)
            else:
                self._write([stamped])

    def keep(self, results: Path) -> None:
        """Opens the log file in a results folder, unless one is open; a link in its place is not followed."""
        if self._file is not None:
            return
        folder = Path(results) / "logs"
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        with suppress(OSError):  # results that cannot be written are refused by the store, with the reason
            folder.mkdir(parents=True, exist_ok=True)
            if folder.is_symlink():
                return
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            number = os.open(folder / f"{moment}-{self._name}-{os.getpid()}.log", flags, 0o666)
            self._file = os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace")
            self._write(self._lines)
            self._lines = []

    def close(self) -> None:
        """Closes the file, if there is one."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _write(self, lines: Sequence[str]) -> None:
        assert self._file is not None
        with suppress(OSError, ValueError):
            self._file.writelines(lines)
            self._file.flush()


_open: list[Transcript] = []


def begin(words: Sequence[str], clean: Callable[[str], str]) -> None:
    """Begins to take down what this process prints; see `Transcript` for the arguments."""
    end()
    _open.append(Transcript(words, clean))


def add(text: str) -> None:
    """Takes down printed lines, if a command is being taken down."""
    if _open:
        _open[-1].add(text)


def keep(results: Path) -> None:
    """Keeps what has been and will be taken down in a results folder: something is going to be computed."""
    if _open:
        _open[-1].keep(results)


def end() -> None:
    """Ends taking down."""
    while _open:
        _open.pop().close()
