"""`leakbench import`: adds the cells of an entry to a results folder."""

import argparse
import hashlib
import tempfile
from pathlib import Path

from bench.cli.merge import told
from bench.cli.output import Answer, say
from bench.errors import UserError

HELP = """Adds the cells of an entry to a results folder (default: results). The entry is checked as a whole first,
and nothing is written if a file in it is not leakbench's. A stored value is never replaced. Reports mark the rows as
claimed until `leakbench verify` has confirmed them.

examples:
  leakbench import entry.zip
  leakbench import entry.zip results"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    command.add_argument("words", metavar="FILE [DIR]", nargs="*", help="the entry, and the folder (default: results)")


def answer(arguments: argparse.Namespace) -> Answer:
    """Adds the cells of an entry to a results folder, marked as claimed until they are verified.

    Args:
        arguments: `words` holds the entry and, if one is named, the folder.

    Returns:
        The exit code, and the document that `--json` prints.

    Raises:
        UserError: the entry is refused, or contradicts what the folder has.
    """
    from bench.results import verification
    from bench.sharing import archive
    from bench.sharing.merge import merge
    from bench.storage.provenance import now

    if not 1 <= len(arguments.words) <= 2:
        raise UserError("leakbench import takes an entry and a folder: leakbench import entry.zip results")
    entry, target = Path(arguments.words[0]).expanduser(), Path([*arguments.words, "results"][1]).expanduser()
    with tempfile.TemporaryDirectory(prefix="leakbench-") as folder:
        found = archive.unpack(entry, Path(folder))
        origin = {"at": now(), "file": entry.name, "sha256": hashlib.sha256(entry.read_bytes()).hexdigest()}
        for cell in found:
            verification.write(cell, verification.arrived(verification.read(cell), origin))
        merged = merge([Path(folder)], target, say)
    return told(merged, target)
