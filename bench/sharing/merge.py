"""Merges cells of several folders into one. A stored value is never replaced, and a contradiction is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.results import document as documents
from bench.results import verification
from bench.results.gain import Write, contradiction
from bench.results.store import SCHEMA, Store, load
from bench.results.stored_cell import StoredCell
from bench.sharing.export import cells_of
from bench.storage.atomic import hidden, unwritable, write_text
from bench.storage.lock import locked


@dataclass
class Merged:
    """What came of merging.

    Args:
        cells: how many cells were looked at.
        new: how many of them the target did not have.
        units: how many victims and runs the target gained in cells that it had.
        notes: a sentence for each cell of which two folders have different scores of the same victims.
    """

    cells: int = 0
    new: int = 0
    units: int = 0
    notes: list[str] = field(default_factory=list)


def merge(sources: Sequence[Path], target: Path, notice: Callable[[str], None]) -> Merged:
    """Adds what the sources have and the target lacks. Everything is compared before the first file is written.

    Args:
        sources: results folders, or folders of cells; an earlier one counts more than a later one.
        target: a results folder, which counts most. It is made if it does not exist.
        notice: is called with one line if another process works on a cell of the target.

    Raises:
        UserError: two folders contradict each other, a folder cannot be read, or the target cannot be written.
    """
    found = [cell for source in sources for cell in cells_of([source])]
    store = Store(target)
    places = [store.folder(type(cell), cell.identity) or store.cells / cell.folder.name for cell in found]
    for i, cell in enumerate(found):  # each with each, before the first file is written
        _plan(cell, places[i], Merged())
        for other in found[:i]:
            if (other.kind, other.identity) == (cell.kind, cell.identity):
                _plan(cell, other.folder, Merged())
    merged = Merged(cells=len(found))
    for cell, place in zip(found, places):
        _add(cell, place, merged, notice)
    return merged


def _add(cell: StoredCell, folder: Path, merged: Merged, notice: Callable[[str], None]) -> None:
    if cell.folder == folder.resolve():
        return
    if not (folder / "cell.json").exists():
        _copy(cell.folder, folder)
        merged.new += 1
        return
    with locked(folder, notice):
        for write in _plan(cell, folder, merged):
            write()


def _copy(source: Path, folder: Path) -> None:
    """Copies a whole cell under another name and renames it, so that no reader sees half of it."""
    temporary = hidden(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, temporary, ignore=shutil.ignore_patterns(".*"))
        temporary.rename(folder)
    except (OSError, shutil.Error) as error:
        known = error if isinstance(error, OSError) and error.errno else OSError(0, str(error))
        raise unwritable(folder, known, "-o") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _plan(cell: StoredCell, folder: Path, merged: Merged) -> list[Write]:
    """What has to be written so that the cell in `folder` also has what `cell` has.

    Raises:
        UserError: the two contradict each other.
    """
    if cell.folder == folder.resolve() or not (folder / "cell.json").exists():
        return []
    try:
        own = load(folder, type(cell))
    except ValueError as problem:
        raise UserError(f"{folder}: {problem}") from None
    writes = [*_facts(own, cell)]
    gain = own.gain(cell)
    merged.units += gain.units
    merged.notes += gain.notes
    writes += [*gain.writes, *_origin(own, cell, gain.units > 0)]
    if own.failure is not None and cell.failure is None:
        writes.append(own.complete)
    return writes


def _facts(own: StoredCell, other: StoredCell) -> list[Write]:
    """The record with the metrics that only the other has, and with the larger number of victims or runs."""
    try:
        facts = own.merged(other.facts, own.facts)
    except UserError as problem:
        raise contradiction(own.folder, other.folder, problem) from None
    if (own.facts.get("contents") or {}) != (other.facts.get("contents") or {}):
        raise contradiction(own.folder, other.folder, "they attacked other data or weights")
    config: dict[str, Any] = facts.get("config") or {}
    group, name = ("data", "victims") if own.units == "victims" else ("training", "runs")
    most = max(own.wanted(own.facts.get("config") or {}), own.wanted(other.facts.get("config") or {}))
    if most:
        config = {**config, group: {**(config.get(group) or {}), name: most}}
    record = {
        "schema": SCHEMA,
        "kind": own.kind,
        "slug": own.slug,
        "identity": own.identity,
        "created": own.created,
        "facts": {**facts, "config": config},
    }
    writes: list[Write] = []
    if record["facts"] != own.facts:
        writes.append(lambda: write_text(own.folder / "cell.json", documents.dump(record)))
    return writes


def _origin(own: StoredCell, other: StoredCell, gained: bool) -> list[Write]:
    """The record of where the rows come from, if the target gains rows or has rows of others already."""
    try:
        mine, yours = verification.read(own.folder), verification.read(other.folder)
    except ValueError as problem:
        raise UserError(f"{own.folder} or {other.folder}: {problem}") from None
    kept = verification.joined(mine, yours)
    return [partial(verification.write, own.folder, kept)] if (gained or mine["imported"]) and kept != mine else []
