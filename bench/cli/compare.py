"""`leakbench compare`: two cells on the same victims."""

import argparse
from pathlib import Path

from bench.cli.output import Answer, show

HELP = """Compares two cells on the victims that both attacked: for each metric the paired difference with its 95 %
interval and the p-value of the sign-flip test. A cell is named by its 16 digits, its folder, or a part of its folder's
name that no other cell has. Several parts are separated by blanks.

examples:
  leakbench compare idlg-samples-cifar10 leak-dlg-samples-cifar10
  leakbench compare 'idlg mnist' 'dlg_adam mnist' --results runs --json
  leakbench compare 7eb9bcba5efa669a e27e8b6a9bbb3be3"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    command.add_argument("first", metavar="A", help="a cell: digits, folder, or part of its name")
    command.add_argument("second", metavar="B", help="another cell")
    command.add_argument(
        "--results", metavar="DIR", type=Path, default=Path("results"), help="the results folder (default: results)"
    )


def answer(arguments: argparse.Namespace) -> Answer:
    """Compares the two cells and prints the result.

    Args:
        arguments: see `add_options`.

    Raises:
        UserError: a cell is not found, or they attack other victims.
    """
    from bench.report import comparison
    from bench.results.find_cell import find

    root = arguments.results.expanduser()
    found = comparison.compare(find(arguments.first, root), find(arguments.second, root))
    show(comparison.table(found))
    for sentence in comparison.sentences(found):
        show(sentence)
    return 0, found.document()
