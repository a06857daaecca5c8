"""One set of progress bars on stderr: a suite's bar over cells and a cell's bar over victims share it.

rich refuses a second live display, so who wants a bar asks here: the outermost asker opens the display, those within it
add their bars to it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bench.terminal.console import nowhere


class Said(Console):
    """Where nobody reads any more, nothing more is said; the work goes on (rich would end the process)."""

    def on_broken_pipe(self) -> None:
        """Called by rich."""
        self.quiet = True
        nowhere(self.file)  # type: ignore[arg-type]


console = Said(stderr=True, highlight=False)
_open: list[Progress] = []


@contextmanager
def bars() -> Iterator[Progress]:
    """The progress display that is open, or a new one for as long as the block lasts.

    A bar is `progress.add_task("idlg on cifar10", total=8, note="objective 1e-3")`; `note` stands behind it. What is
    printed meanwhile goes through `console`, which keeps the bars below it. Where stderr is no terminal nothing moves.
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
