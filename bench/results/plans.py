"""The plan of a suite, `ROOT/plans/SUITE.json`: the cells that it is about to run.

It is written before the suite begins, because otherwise `leakbench status` could not tell which cells are missing.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.results import document as documents
from bench.results.identity import identity
from bench.results.store import load
from bench.results.stored_cell import StoredCell
from bench.storage.atomic import unwritable, write_text
from bench.storage.portable import portable

_ENTRY = {"kind": str, "units": str, "config": str, "labels": {...: str}, "wanted": int}
_SHAPE = {"suite": str, "started": int, "cells": [_ENTRY]}


@dataclass(frozen=True)
class PlannedCell:
    """A planned cell.

    Args:
        kind: the kind of the cell (`bench.results.stored_cell.StoredCell.kind`).
        units: what is counted, in the plural (`victims`).
        config: the identity of its config (see `config_identity`).
        labels: the cell's names in tables.
        wanted: the number of units that are asked for.
    """

    kind: str
    units: str
    config: str
    labels: dict[str, str]
    wanted: int


@dataclass(frozen=True)
class Plan:
    """The cells that a suite is about to run.

    Args:
        suite: the name of the suite.
        started: when it last began, in nanoseconds since 1970.
        cells: the planned cells.
    """

    suite: str
    started: int
    cells: list[PlannedCell]


def config_identity(config: Mapping[str, Any]) -> str:
    """The identity that a planned cell and its stored cell share.

    It leaves out the contents of files, because a plan is made before they are read.
    """
    return identity(documents.plain(portable(config)), {})


def write(root: Path, suite: str, cells: Iterable[tuple[type[StoredCell], Mapping[str, Any]]]) -> bool:
    """Writes the plan of a suite, in place of an earlier plan of the same suite.

    A plan of the same cells stays as it is if all of them are finished.

    Args:
        root: the results folder.
        suite: the name of the suite.
        cells: the kind of each cell, and its resolved config as plain containers.

    Returns:
        Whether something is left to do.

    Raises:
        UserError: the folder cannot be written.
    """
    given = list(cells)
    planned = [
        PlannedCell(
            kind.kind,
            kind.units,
            config_identity(config),
            {name: portable(config["names"][name]) for name in kind.labels},
            kind.wanted(config),
        )
        for kind, config in given
    ]
    folder, path = root / "plans", root / "plans" / f"{suite}.json"
    if _planned(path, planned) and _finished(root, {kind for kind, _ in given}, planned):
        return False  # nothing is left to do, so the time at which the suite last began stays
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    write_text(path, documents.dump(asdict(Plan(suite, time.time_ns(), planned))))
    return True


def _planned(path: Path, cells: list[PlannedCell]) -> bool:
    """Whether the stored plan has exactly these cells."""
    try:
        return _load(path).cells == cells
    except (FileNotFoundError, ValueError):
        return False


def _finished(root: Path, kinds: Iterable[type[StoredCell]], planned: Iterable[PlannedCell]) -> bool:
    """Whether every planned cell has all its units, or a reason why it cannot have any."""
    stored: dict[str, StoredCell] = {}
    for kind in kinds:
        for path in (root / "cells").glob(f"{kind.kind}-*/cell.json"):
            with suppress(ValueError):
                cell = load(path.parent, kind)
                stored[config_identity(cell.facts.get("config") or {})] = cell
    return all(_settled(stored.get(one.config), one.wanted) for one in planned)


def _settled(cell: StoredCell | None, wanted: int) -> bool:
    if cell is None:
        return False
    refused = cell.failure is not None and cell.failure.status == "not_applicable"
    return refused or len(cell.done()) >= wanted


def read(root: Path) -> tuple[list[Plan], list[str]]:
    """The plans in a results folder, the latest first, and one sentence per file that is not a plan."""
    found, warnings = [], []
    for path in sorted((root / "plans").glob("[!.]*.json")):
        try:
            found.append(_load(path))
        except ValueError as problem:
            warnings.append(f"skipped {path}: {problem}")
        except FileNotFoundError:
            warnings.append(f"skipped {path}: it is a link to a file that does not exist")
    return sorted(found, key=lambda plan: plan.started, reverse=True), warnings


def _load(path: Path) -> Plan:
    record = documents.read(path)
    fault = documents.wrong(record, _SHAPE)
    entries = record.get("cells")
    if fault or any(record.get(name) is None for name in _SHAPE) or not entries or not all(map(_whole, entries)):
        raise ValueError(f"it is not a plan of leakbench ({fault or 'a part of it is missing'})")
    cells = [PlannedCell(**{name: entry[name] for name in _ENTRY}) for entry in entries]
    return Plan(record["suite"], record["started"], cells)


def _whole(entry: Any) -> bool:
    """Whether an entry has all its fields."""
    return entry is not None and all(entry.get(name) is not None for name in _ENTRY)
