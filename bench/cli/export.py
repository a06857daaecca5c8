"""`leakbench export`: cells as one file that another laboratory can import."""

import argparse
from pathlib import Path

from bench.cli.output import Answer, counted, say, show
from bench.errors import UserError

HELP = """Writes cells as one file that another laboratory can import: config, rows, reconstructions, pictures,
versions, and the SHA-256 of each file. CELL is a folder in cells/ of a results folder, or a results folder, which
stands for all of its cells. The file contains private data, unless you say --no-pictures.

examples:
  leakbench export results -o entry.zip
  leakbench export results/cells/leak-dlg-* -o dlg.zip --no-pictures"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    command.add_argument("words", metavar="CELL", nargs="*", help="a cell, or a results folder")
    command.add_argument("-o", dest="output", metavar="FILE", type=Path, help="what is written")
    command.add_argument("--no-pictures", action="store_true", help="without private examples and reconstructions")


def answer(arguments: argparse.Namespace) -> Answer:
    """Writes cells as one file.

    Args:
        arguments: `folders`, `output` and `no_pictures`.

    Returns:
        The exit code, and the document that `--json` prints.

    Raises:
        UserError: a folder has no cell, or the file cannot be written.
    """
    from bench.sharing import export as exporting

    if arguments.output is None:
        raise UserError("leakbench export needs a file: -o entry.zip")
    cells = exporting.cells_of([Path(word).expanduser() for word in arguments.words])
    if not cells:
        raise UserError("leakbench export needs a CELL: a results folder, or a folder in its cells/")
    pictures = not arguments.no_pictures
    files = exporting.export(cells, arguments.output.expanduser(), pictures=pictures)
    if pictures and exporting.holds_pictures(cells):
        say(f"{arguments.output} contains private data and reconstructions of it (--no-pictures leaves them out)")
    show(f"{arguments.output}: {counted(len(cells), 'cell')}, {files} files")
    return 0, {"file": str(arguments.output), "cells": [cell.folder.name for cell in cells], "pictures": pictures}
