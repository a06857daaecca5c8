"""`leakbench verify`: attacks some stored victims again and marks the row."""

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench.cli.output import Answer, say, show
from bench.cli.rescore import is_override
from bench.errors import UserError

HELP = """Attacks some victims of each cell again, chosen at random, and compares their scores with the stored ones.
The settings come from the record, classes and folders from this machine. The cell is marked, and reports show the mark:
verified here, repeated elsewhere (the sender says so), claimed, not confirmed here. Two machines differ by rounding,
which grows along the path of an attack, so the tolerance is a share of the score.

examples:
  leakbench verify results/cells/leak-dlg-*
  leakbench verify entry.zip --victims 2                   without a mark, because nothing is imported
  leakbench verify results data.root=pictures trainer=cpu"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    command.add_argument("words", metavar="CELL | KEY=VALUE", nargs="*", help="what to verify, and places, see below")
    command.add_argument("--victims", metavar="N", type=int, default=4, help="of each cell (default: 4)")
    command.add_argument("--tolerance", metavar="SHARE", type=float, default=0.05, help="of the score (default: 0.05)")


def answer(arguments: argparse.Namespace) -> Answer:
    """Attacks some victims of each cell again and marks the cells.

    Args:
        arguments: `words` holds cells, results folders, an entry, and overrides; `victims`, `tolerance`, `config_dir`.

    Returns:
        The exit code, which is 1 if a cell is not confirmed, and the document that `--json` prints.

    Raises:
        UserError: a cell cannot be computed here.
    """
    from bench.results.stored_leak import StoredLeak
    from bench.sharing import archive
    from bench.sharing.export import cells_of
    from bench.sharing.verify import record
    from bench.sharing.verify import verify as verified

    if arguments.victims < 1 or not 0 <= arguments.tolerance < 1:
        raise UserError("leakbench verify: --victims must be >= 1, and --tolerance a share from 0 to below 1")
    given = [word for word in arguments.words if is_override(word)]
    places = [Path(word).expanduser() for word in arguments.words if not is_override(word)]
    entries = [place for place in places if place.is_file()]
    if not places or (entries and len(places) > 1):
        raise UserError("leakbench verify takes cells, results folders, or one entry: leakbench verify results")
    found = []
    with tempfile.TemporaryDirectory(prefix="leakbench-") as folder:
        for cell in cells_of(archive.unpack(entries[0], Path(folder)) if entries else places):
            if not isinstance(cell, StoredLeak):
                say(f"{cell.folder.name}: {cell.noun} is not verified")
                continue
            one = verified(cell, arguments.victims, arguments.tolerance, given, arguments.config_dir)
            if not entries:
                record(cell, one)
            show(one.sentence)
            found.append({**asdict(one), "folder": cell.folder.name, "agreed": one.agreed})
    if entries:
        say(f"{entries[0]} is not marked; import it and verify the cells in your folder")
    return int(not all(one["agreed"] for one in found)), {"cells": found}
