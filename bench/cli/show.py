"""`leakbench show`: one cell in the terminal."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from bench.cli.output import Answer, show
from bench.errors import UserError

HELP = """Shows one cell: what was attacked and how, its scores, how its victims ended, and the first private examples
beside their reconstructions. Images are drawn if the terminal has colours; sentences are shown by iteration. The cell
is named by its 16 digits, its folder, or a part of its folder's name that no other cell has.

examples:
  leakbench show 'idlg cifar10'
  leakbench show 7eb9bcba5efa669a --victims 4
  leakbench show results/cells/leak-dlg-samples-mnist-lenet-2dd835d5e52bd783 --json"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    command.add_argument("cell", metavar="CELL", help="digits, folder, or part of its name")
    command.add_argument(
        "--results", metavar="DIR", type=Path, default=Path("results"), help="the results folder (default: results)"
    )
    command.add_argument("--victims", metavar="N", type=int, default=2, help="how many are shown (default: 2)")


def answer(arguments: argparse.Namespace) -> Answer:
    """Prints the cell.

    Args:
        arguments: see `add_options`.

    Raises:
        UserError: the cell is not found.
    """
    from bench.report import shown
    from bench.results.find_cell import find
    from bench.terminal.pixels import can_draw

    if arguments.victims < 0:
        raise UserError(f"--victims {arguments.victims}: want 0 or more")
    cell = find(arguments.cell, arguments.results.expanduser())
    if arguments.json:
        return 0, shown.document(cell)
    width = shutil.get_terminal_size((100, 24)).columns
    for part in shown.parts(cell, arguments.victims, width, can_draw(sys.stdout, os.environ)):
        show(part)
    return 0, None
