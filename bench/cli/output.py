"""What every command prints: results on stdout, and sentences to the user on stderr."""

import os
import sys
from typing import Any

from bench.terminal import transcript
from bench.terminal.console import nowhere
from bench.terminal.printable import visible, visible_lines

Answer = tuple[int, Any]  # the exit code, and the document that `--json` prints


def show(what: Any) -> None:
    """Prints to stdout: a text as it is, a table through rich."""
    if not speaks():
        return
    if isinstance(what, str):
        print(visible_lines(what))
        transcript.add(what)
        return
    from bench.terminal.progress import Said

    Said(highlight=False).print(what)


def say(sentence: str) -> None:
    """Prints one line to stderr."""
    transcript.add(f"leakbench: {sentence}")
    try:
        print(f"leakbench: {visible(sentence)}", file=sys.stderr, flush=True)
    except OSError:
        nowhere(sys.stderr)


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "cell"), counted(2, "cell"), counted(0, "victim or run", "victims or runs")
    ('1 cell', '2 cells', '0 victims or runs')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def speaks() -> bool:
    """Whether this process talks to the user: with ddp, Lightning starts the command once per GPU."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "NODE_RANK"))


def show_report(made: Any) -> None:
    """Prints a leaderboard that was written, and where its files are.

    Args:
        made: of `bench.report.page.write`.
    """
    for warning in made.warnings:
        say(warning)
    show(made.text)
    pictures = [path for path in made.paths if path.parent.name == "grids"]
    for path in (path for path in made.paths if path not in (*pictures, made.page)):
        show(str(path))
    if pictures:
        show(f"{len(pictures)} pictures in {pictures[0].parent}")
    if made.private:
        show("these files show private examples; without them: leakbench report --no-pictures")
    show(f"the page with all of it: {made.page} (leakbench view {made.page.parent})")
