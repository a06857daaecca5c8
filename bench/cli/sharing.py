"""`leakbench export`, `import`, `merge` and `verify`: what laboratories exchange."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.errors import UserError

Say = Callable[[str], None]


def export(arguments: argparse.Namespace, show: Say, say: Say) -> tuple[int, Any]:
    """Writes cells as one file.

    Args:
        arguments: `folders`, `output` and `no_pictures`.
        show: prints a result.
        say: prints a line that the user must know.

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
    show(f"{arguments.output}: {_count(len(cells), 'cell')}, {files} files")
    return 0, {"file": str(arguments.output), "cells": [cell.folder.name for cell in cells], "pictures": pictures}


def import_(arguments: argparse.Namespace, show: Say, say: Say) -> tuple[int, Any]:
    """Adds the cells of an entry to a results folder, marked as claimed until they are verified.

    Args:
        arguments: `words` holds the entry and, if one is named, the folder.
        show: prints a result.
        say: prints a line that the user must know.

    Returns:
        The exit code, and the document that `--json` prints.

    Raises:
        UserError: the entry is refused, or contradicts what the folder has.
    """
    from bench.results import verification
    from bench.results.store import now
    from bench.sharing import archive
    from bench.sharing.merge import merge

    if not 1 <= len(arguments.words) <= 2:
        raise UserError("leakbench import takes an entry and a folder: leakbench import entry.zip results")
    entry, target = Path(arguments.words[0]).expanduser(), Path([*arguments.words, "results"][1]).expanduser()
    with tempfile.TemporaryDirectory(prefix="leakbench-") as folder:
        found = archive.unpack(entry, Path(folder))
        origin = {"at": now(), "file": entry.name, "sha256": hashlib.sha256(entry.read_bytes()).hexdigest()}
        for cell in found:
            verification.write(cell, verification.arrived(verification.read(cell), origin))
        merged = merge([Path(folder)], target, say)
    return _told(merged, target, show, say)


def merge(arguments: argparse.Namespace, show: Say, say: Say) -> tuple[int, Any]:
    """Adds the cells of several folders to one.

    Args:
        arguments: `words` holds the folders, `output` the folder that gets them; without it, the first one does.
        show: prints a result.
        say: prints a line that the user must know.

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
    return _told(merge(folders, target, say), target, show, say)


def verify(arguments: argparse.Namespace, show: Say, say: Say) -> tuple[int, Any]:
    """Attacks some victims of each cell again and marks the cells.

    Args:
        arguments: `words` holds cells, results folders, an entry, and overrides; `victims`, `tolerance`, `config_dir`.
        show: prints a result.
        say: prints a line that the user must know.

    Returns:
        The exit code, which is 1 if a cell is not confirmed, and the document that `--json` prints.

    Raises:
        UserError: a cell cannot be computed here.
    """
    from bench.cli.rescore import is_override
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
                say(f"{cell.folder.name}: a training is not verified")
                continue
            one = verified(cell, arguments.victims, arguments.tolerance, given, arguments.config_dir)
            if not entries:
                record(cell, one)
            show(one.sentence)
            found.append({**asdict(one), "folder": cell.folder.name, "agreed": one.agreed})
    if entries:
        say(f"{entries[0]} is not marked; import it and verify the cells in your folder")
    return int(not all(one["agreed"] for one in found)), {"cells": found}


def _told(merged: Any, target: Path, show: Say, say: Say) -> tuple[int, Any]:
    for note in merged.notes:
        say(note)
    show(
        f"{target}: {_count(merged.cells, 'cell')} read, {merged.new} of them new; "
        f"the others gained {_count(merged.units, 'victim or run', 'victims or runs')}"
    )
    return 0, {**asdict(merged), "results": str(target)}


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
