"""`leakbench merge`: adds the cells of several results folders to one."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.cli.output import Answer, counted, say, show
from bench.errors import UserError

HELP = """Adds the cells of several results folders to the folder behind -o, or to the first one. A stored value is
never replaced: what an earlier folder has counts more than what a later one has. The same cell from two folders joins
its victims. If two folders contradict each other, one line says where, and nothing is written.

examples:
  leakbench merge here there -o both
  leakbench merge results /mnt/other/results"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    command.add_argument("words", metavar="DIR", nargs="*", help="results folders")
    command.add_argument(
        "-o", dest="output", metavar="DIR", type=Path, help="what gets them; default: the first folder"
    )


def answer(arguments: argparse.Namespace) -> Answer:
    """Adds the cells of several folders to one.

    Args:
        arguments: `words` holds the folders, `output` the folder that gets them; without it, the first one does.

    Returns:
        The exit code, and the document that `--json` prints.

    Raises:
        UserError: two folders contradict each other, or one cannot be read or written.
    """
    from bench.sharing.merge import merge

    folders = [Path(word).expanduser() for word in arguments.words]
    if len(folders) < (1 if arguments.output else 2):
        raise UserError("leakbench merge takes several results folders: leakbench merge here there -o both")
    target = arguments.output.expanduser() if arguments.output else folders[0]
    return told(merge(folders, target, say), target)


def told(merged: Any, target: Path) -> Answer:
    """Prints what a folder gained.

    Args:
        merged: of `bench.sharing.merge.merge`.
        target: the folder.
    """
    for note in merged.notes:
        say(note)
    show(
        f"{target}: {counted(merged.cells, 'cell')} read, {merged.new} of them new; "
        f"the others gained {counted(merged.units, 'victim or run', 'victims or runs')}"
    )
    return 0, {**asdict(merged), "results": str(target)}
