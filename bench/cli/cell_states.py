"""How far the work in a results folder has come: the cells done, running, failed and missing, and the time left.

Everything is read from the folder: the cells, the plans that suites leave, and which process holds a cell's lock.
"""

from __future__ import annotations

import functools
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.results import plans, query, store, verification
from bench.results.kinds import KINDS
from bench.results.stored_cell import StoredCell
from bench.results.stored_leak import StoredLeak
from bench.storage import lock

STATES = {
    "done": "every victim or run is stored",
    "running": "a process works on it",
    "failed": "it failed as a whole",
    "not applicable": "the attack cannot serve it",
    "unfinished": "begun, but no process works on it",
    "missing": "planned by a suite, but not begun",
}


@dataclass(frozen=True)
class CellStatus:
    """How far one cell has come.

    Args:
        kind: the kind of the cell (`bench.results.stored_cell.StoredCell.kind`).
        units: what is counted, in the plural (`victims`).
        labels: the cell's names in tables: `data`, `model`, `defense`, ..., and `attack` if the cell has one.
        settings: `batch size` and `seed`, as far as they are known: the plan of a cell that is missing has neither.
        state: a key of `STATES`.
        done: the number of units that are stored.
        wanted: the number of units that were asked for.
        reason: why the cell failed, or which process works on it; empty otherwise.
        origin: where its rows come from (`bench.results.verification`); empty if they were computed here.
    """

    kind: str
    units: str
    labels: dict[str, str]
    settings: dict[str, int]
    state: str
    done: int
    wanted: int
    reason: str = ""
    origin: str = ""

    @property
    def task(self) -> str:
        """The attack's name, or the kind of a cell without one; units of the same task take about the same time."""
        return self.labels.get("attack", self.kind)


@dataclass(frozen=True)
class ResultsStatus:
    """How far the cells of a results folder have come.

    Args:
        results: the folder.
        cells: the planned cells first, in the order of their suite, then the others.
        rate: units per second since the running work began; None if no work is running or no unit of it is finished.
        left: seconds until the running work is done, estimated from the time that units of the same attack took; None
            under the same conditions.
        warnings: one sentence per file that was skipped.
    """

    results: str
    cells: list[CellStatus]
    rate: float | None
    left: float | None
    warnings: list[str]

    def document(self) -> dict[str, Any]:
        """The status as the JSON document that `leakbench status --json` prints."""
        counts = Counter(cell.state for cell in self.cells)
        return {
            "results": self.results,
            "counts": {state: counts[state] for state in STATES},
            **{kind.units: dict(zip(("done", "wanted"), self.count(kind.units))) for kind in KINDS},
            "units_per_second": self.rate,
            "seconds_left": self.left,
            "cells": [asdict(cell) for cell in self.cells],
        }

    def count(self, units: str) -> tuple[int, int]:
        """How many of these units are stored, and how many were asked for in cells that are applicable."""
        own = [cell for cell in self.cells if cell.units == units]
        wanted = sum(cell.wanted for cell in own if cell.state != "not applicable")
        return sum(cell.done for cell in own), wanted


@dataclass(frozen=True)
class _Found:
    """A cell with what the pace is estimated from: the times of its stored units, and when the work on it began."""

    status: CellStatus
    began: int | None  # when the running work that includes this cell began [ns]; None if no such work is running
    cell: StoredCell | None

    @functools.cached_property
    def times(self) -> list[tuple[int, float]]:
        """`(when it was stored [ns], how long it took [s])` per unit; read only if a process works on the cell."""
        found = self.cell.times() if self.cell else {}
        return [times for unit, times in found.items() if not self.status.wanted or unit < self.status.wanted]


def look(root: Path) -> ResultsStatus:
    """Reads the status of a results folder.

    Raises:
        UserError: `root` is not a results folder.
    """
    root = Path(root)
    if not any((root / name).is_dir() for name in ("cells", "plans")):
        problem = "is not a results folder: it has no cells" if root.is_dir() else "does not exist"
        raise UserError(f"{root} {problem}; name another folder (leakbench status DIR) or run: leakbench suite quick")
    listing = query.cells(root)
    stored: list[StoredCell] = list(listing.cells)
    warnings = list(listing.warnings)
    for kind in KINDS:
        if kind is not StoredLeak:
            found, skipped = store.cells(root, kind)
            stored += found
            warnings += skipped
    planned, strays = plans.read(root)
    every = list(_cells(stored, planned))
    rate, left = _pace(every, time.time_ns())
    return ResultsStatus(str(root), [one.status for one in every], rate, left, warnings + strays)


def _cells(stored: Sequence[StoredCell], planned: Sequence[plans.Plan]) -> Iterator[_Found]:
    """Every cell once: the planned cells first, then the others."""
    known: dict[str, StoredCell] = {}
    for cell in sorted(stored, key=lambda cell: cell.created):  # if several cells have one config, the latest counts
        known[plans.config_identity(cell.facts.get("config") or {"folder": cell.folder.name})] = cell
    running = {config: found for config, cell in known.items() if (found := lock.holder(cell.folder))}
    seen: set[str] = set()
    for plan in planned:
        at_work = any(entry.config in running for entry in plan.cells)
        for entry in plan.cells:
            if entry.config not in seen:
                seen.add(entry.config)
                holder = running.get(entry.config)
                yield _found(known.get(entry.config), entry, holder, plan.started if at_work else None)
    for config, cell in known.items():
        if config not in seen:
            holder = running.get(config)
            yield _found(cell, None, holder, holder.since if holder else None)


def _found(
    cell: StoredCell | None, entry: plans.PlannedCell | None, holder: lock.Holder | None, began: int | None
) -> _Found:
    if cell is None:
        assert entry is not None
        return _Found(CellStatus(entry.kind, entry.units, entry.labels, {}, "missing", 0, entry.wanted), began, None)
    wanted = entry.wanted if entry else cell.wanted(cell.facts.get("config") or {})
    done = cell.count(wanted)
    state, reason = _state(cell, holder, done, wanted)
    labels, settings = cell.facts["labels"], _settings(cell.facts.get("config") or {})
    origin = verification.mark(cell.folder)
    return _Found(CellStatus(cell.kind, cell.units, labels, settings, state, done, wanted, reason, origin), began, cell)


def _settings(config: Mapping[str, Any]) -> dict[str, int]:
    known = {"batch size": (config.get("data") or {}).get("batch_size"), "seed": config.get("seed")}
    return {name: value for name, value in known.items() if value is not None}


def _state(cell: StoredCell, holder: lock.Holder | None, done: int, wanted: int) -> tuple[str, str]:
    if holder is not None:
        return "running", f"process {holder.pid} on {holder.host}"
    if failure := cell.failure:
        return ("not applicable" if failure.status == "not_applicable" else "failed"), failure.reason
    return ("done" if done >= wanted else "unfinished"), ""


def _pace(found: Sequence[_Found], now: int) -> tuple[float | None, float | None]:
    """Units per second, and seconds left: the work that is left, divided by the work done per second of all processes.

    Work is measured in seconds of computing, so units that differ in cost are weighted by it.
    """
    active = [one for one in found if one.began is not None and one.status.state not in ("failed", "not applicable")]
    begins = [one.began for one in active if one.began is not None]
    recent = [seconds for one in active for stored, seconds in one.times if stored >= min(begins)]
    if not recent:
        return None, None
    elapsed = max(now - min(begins), 1) / 1e9
    costs = _costs(found, {one.status.task for one in active if one.status.done < one.status.wanted})
    work = sum((one.status.wanted - one.status.done) * costs[one.status.task] for one in active)
    speed = sum(recent) / elapsed
    return len(recent) / elapsed, (work / speed if speed else None)


def _costs(found: Sequence[_Found], tasks: set[str]) -> defaultdict[str, float]:
    """The mean seconds per unit of each of these tasks; a task without a finished unit gets the mean over all tasks."""
    of_these = [one for one in found if one.status.task in tasks]
    begun = {one.status.task for one in of_these if one.status.done}
    by_task: defaultdict[str, list[float]] = defaultdict(list)
    for one in of_these if begun == tasks else found:
        by_task[one.status.task] += [seconds for _, seconds in one.times]
    everything = [seconds for times in by_task.values() for seconds in times]
    typical = sum(everything) / len(everything) if everything else 0.0
    return defaultdict(lambda: typical, {name: sum(times) / len(times) for name, times in by_task.items() if times})
