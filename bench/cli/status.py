"""How far the work in a results folder has come: cells done, running, failed and missing, and the time left.

Everything is read from the folder: the cells, the plans that suites leave, and who holds a cell at this moment.
"""

from __future__ import annotations

import functools
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bench.errors import UserError
from bench.results import parts, plans, query
from bench.results.store import AGAIN, Cell
from bench.storage import lock
from bench.terminal.printable import visible

STATES = {
    "done": "every victim is stored",
    "running": "a process is at work on it",
    "failed": "it failed as a whole",
    "not applicable": "the attack cannot serve it",
    "unfinished": "begun, and nobody is at work on it",
    "missing": "planned by a suite, and not begun",
}


@dataclass(frozen=True)
class CellStatus:
    """One cell.

    Args:
        labels: `{attack, data, model, defense, threat}`.
        state: a word of `STATES`.
        done, wanted: victims.
        reason: why it failed, or who is at work on it; empty otherwise.
    """

    labels: dict[str, str]
    state: str
    done: int
    wanted: int
    reason: str = ""


@dataclass(frozen=True)
class ResultsStatus:
    """A results folder.

    Args:
        results: the folder.
        cells: planned ones first, in the order of their suite.
        rate: victims a second since the work that is going on began; None where none is, or none is finished yet.
        left: seconds until it is done, judged by the time that victims of the same attack took; None likewise.
        warnings: a sentence for each file that was skipped.
    """

    results: str
    cells: list[CellStatus]
    rate: float | None
    left: float | None
    warnings: list[str]

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        counts = Counter(cell.state for cell in self.cells)
        return {
            "results": self.results,
            "counts": {state: counts[state] for state in STATES},
            "victims": {"done": self.done, "wanted": self.wanted},
            "victims_per_second": self.rate,
            "seconds_left": self.left,
            "cells": [asdict(cell) for cell in self.cells],
        }

    @property
    def done(self) -> int:
        """Victims that are stored."""
        return sum(cell.done for cell in self.cells)

    @property
    def wanted(self) -> int:
        """Victims that were asked for, in cells that can have them."""
        return sum(cell.wanted for cell in self.cells if cell.state != "not applicable")


@dataclass(frozen=True)
class _Found:
    """A cell with what is needed to judge the pace: what is stored of it, and its place in time."""

    status: CellStatus
    began: int | None  # of the work that is going on and is to come to this cell; None: nobody will
    cell: Cell | None

    @functools.cached_property
    def victims(self) -> list[tuple[int, float]]:
        """`(stored [ns], seconds)` of its victims; read only where somebody is at work."""
        return _times(self.cell, self.status.wanted) if self.cell else []


def look(root: Path) -> ResultsStatus:
    """The status of a results folder.

    Raises:
        UserError: it is none.
    """
    root = Path(root)
    if not any((root / name).is_dir() for name in ("cells", "plans")):
        problem = "is no results folder: it has no cells" if root.is_dir() else "does not exist"
        raise UserError(f"{root} {problem}; name another folder (leakbench status DIR) or run: leakbench suite quick")
    listing = query.cells(root)
    planned, strays = plans.read(root)
    found = list(_cells(listing.cells, planned))
    rate, left = _pace(found, time.time_ns())
    return ResultsStatus(str(root), [one.status for one in found], rate, left, listing.warnings + strays)


def _cells(stored: Sequence[Cell], planned: Sequence[plans.Plan]) -> Iterator[_Found]:
    """Every cell once: those of plans, then the others."""
    known: dict[str, Cell] = {}
    for cell in sorted(stored, key=lambda cell: cell.created):  # of cells with one config the latest counts
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


def _found(cell: Cell | None, entry: plans.PlannedCell | None, holder: lock.Holder | None, began: int | None) -> _Found:
    if cell is None:
        assert entry is not None
        return _Found(CellStatus(entry.labels, "missing", 0, entry.victims), began, None)
    data = (cell.facts.get("config") or {}).get("data") or {}
    wanted = entry.victims if entry else data.get("victims") or 0
    ids = parts.stored(cell.parts)
    done = len(_times(cell, wanted)) if ids is None else sum(not wanted or victim < wanted for victim in ids)
    state, reason = _state(cell, holder, done, wanted)
    return _Found(CellStatus(cell.facts["labels"], state, done, wanted, reason), began, cell)


def _times(cell: Cell, wanted: int) -> list[tuple[int, float]]:
    """`(stored [ns], seconds)` of each victim that needs no more work."""
    rows = query.rows(cell).limit(wanted or None).victims
    times = zip(rows["status"].to_pylist(), rows["stored"].to_pylist(), rows["seconds"].to_pylist())
    return [(stored, seconds or 0.0) for word, stored, seconds in times if word not in AGAIN]


def _state(cell: Cell, holder: lock.Holder | None, done: int, wanted: int) -> tuple[str, str]:
    if holder is not None:
        return "running", f"process {holder.pid} on {holder.host}"
    if failure := cell.failure:
        return ("not applicable" if failure.status == "not_applicable" else "failed"), failure.reason
    return ("done" if done >= wanted else "unfinished"), ""


def _pace(found: Sequence[_Found], now: int) -> tuple[float | None, float | None]:
    """Victims a second, and seconds left: work left over work done a second, whatever the number of processes."""
    active = [one for one in found if one.began is not None and one.status.state not in ("failed", "not applicable")]
    begins = [one.began for one in active if one.began is not None]
    recent = [seconds for one in active for stored, seconds in one.victims if stored >= min(begins)]
    if not recent:
        return None, None
    elapsed = max(now - min(begins), 1) / 1e9
    costs = _costs(found, {one.status.labels["attack"] for one in active if one.status.done < one.status.wanted})
    work = sum((one.status.wanted - one.status.done) * costs[one.status.labels["attack"]] for one in active)
    speed = sum(recent) / elapsed
    return len(recent) / elapsed, (work / speed if speed else None)


def _costs(found: Sequence[_Found], attacks: set[str]) -> defaultdict[str, float]:
    """Seconds a victim of each of these attacks; of one without a victim, those of all attacks."""
    of_these = [one for one in found if one.status.labels["attack"] in attacks]
    begun = {one.status.labels["attack"] for one in of_these if one.status.done}
    by_attack: defaultdict[str, list[float]] = defaultdict(list)
    for one in of_these if begun == attacks else found:
        by_attack[one.status.labels["attack"]] += [seconds for _, seconds in one.victims]
    everything = [seconds for times in by_attack.values() for seconds in times]
    typical = sum(everything) / len(everything) if everything else 0.0
    return defaultdict(lambda: typical, {name: sum(times) / len(times) for name, times in by_attack.items() if times})


def sentence(status: ResultsStatus) -> str:
    """Two lines: cells, victims."""
    counts = Counter(cell.state for cell in status.cells)
    states = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) or "none"
    victims = f"victims: {status.done:,} of {status.wanted:,}"
    pace = "" if status.rate is None else f", {status.rate:.3g} a second"
    left = "" if status.left is None else f", about {_duration(status.left)} left"
    return f"cells: {states}\n{victims}{pace}{left}"


def table(status: ResultsStatus) -> RenderableType:
    """A line a cell."""
    drawn = Table()
    for column in ("attack", "data", "model", "defense"):
        drawn.add_column(column)
    drawn.add_column("victims", justify="right")
    drawn.add_column("state", overflow="fold")
    for cell in status.cells:
        words = [Text(visible(cell.labels[name])) for name in ("attack", "data", "model", "defense")]
        state = f"{cell.state}: {cell.reason}" if cell.reason else cell.state
        drawn.add_row(*words, f"{cell.done} of {cell.wanted}", Text(visible(state)))
    return drawn


def _duration(seconds: float) -> str:
    """
    >>> [_duration(s) for s in (40, 100, 7_200, 200_000)]
    ['40 seconds', '2 minutes', '2.0 hours', '2.3 days']
    """
    for unit, size, digits in (("days", 86_400, 1), ("hours", 3_600, 1), ("minutes", 60, 0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} seconds"
