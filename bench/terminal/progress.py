"""One set of progress bars on stderr: a suite's bar over cells and a cell's bar over victims share it.

rich refuses a second live display. So the outermost call of `bars` opens the display, and calls within it add their
bars to the same display.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bench.terminal import transcript
from bench.terminal.console import nowhere

_UNFOLDED = 1000  # columns: a path that is folded could not be told from other words


class Said(Console):
    """A console that falls silent if its reader has gone, so that the work goes on (rich would end the process)."""

    def print(self, *objects: Any, **settings: Any) -> None:
        """Prints, and takes down what is printed for the log file of the run, on lines that are not folded."""
        super().print(*objects, **settings)
        self.take_down(*objects, **settings)

    def take_down(self, *objects: Any, **settings: Any) -> None:
        """Writes to the log file only."""
        if not self.quiet:
            drawn = Console(file=io.StringIO(), width=_UNFOLDED, color_system=None, highlight=False)
            drawn.print(*objects, **settings)
            transcript.add(drawn.file.getvalue())  # type: ignore[attr-defined]

    def on_broken_pipe(self) -> None:
        """Silences the console; rich calls this if its output can no longer be written."""
        self.quiet = True
        nowhere(self.file)  # type: ignore[arg-type]


console = Said(stderr=True, highlight=False)
_open: list[Progress] = []


@contextmanager
def bars() -> Iterator[Progress]:
    """Yields the progress display that is open, or opens one for the duration of the block.

    `progress.add_task("idlg on cifar10", total=8, note="objective 1e-3")` adds a bar, with `note` after it. Output
    during the block has to go through `console`, which keeps the bars below it. Nothing is displayed if stderr is not a
    terminal.
    """
    if _open:
        yield _open[-1]
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        _open.append(progress)
        try:
            yield progress
        finally:
            _open.pop()
