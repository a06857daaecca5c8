"""Attacks some victims of a stored cell again, and compares the scores with the stored ones."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.results import parts, query, verification
from bench.results.query import Rows
from bench.results.store import Store
from bench.results.stored_leak import ENDED_WELL, StoredLeak
from bench.running.components import notice
from bench.running.leak_cell import LeakCell
from bench.running.restored import numerics
from bench.sharing.recomposed import recomposed
from bench.storage.lock import locked
from bench.storage.provenance import now

ABSOLUTE = 1e-4  # a difference that is always within the tolerance, in units of the score


@dataclass(frozen=True)
class Verified:
    """What came of verifying a cell.

    Args:
        folder: the folder of the cell.
        victims: the victims that were attacked again.
        metrics: the keys of the scores that were compared.
        tolerance: the largest relative difference that counts as agreement.
        differences: a sentence for each victim that does not agree.
    """

    folder: Path
    victims: list[int]
    metrics: list[str]
    tolerance: float
    differences: list[str] = field(default_factory=list)

    @property
    def agreed(self) -> bool:
        """Whether all victims agree."""
        return not self.differences

    @property
    def words(self) -> str:
        """The tolerance in words."""
        return f"{self.tolerance:.3g} of the larger score, or {ABSOLUTE:g}"

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        count = f"{len(self.victims)} victim{'s' * (len(self.victims) != 1)}"
        said = f"{self.folder.name}: {count} attacked again, {', '.join(self.metrics)} compared within {self.words}: "
        return said + (
            verification.HERE if self.agreed else f"{verification.REFUTED} ({'; '.join(self.differences[:3])})"
        )


def verify(cell: StoredLeak, victims: int, tolerance: float, given: Sequence[str], config_dir: Path | None) -> Verified:
    """Attacks victims of a cell again. Nothing is written to the cell; see `record`.

    Args:
        cell: the cell.
        victims: how many victims to attack, chosen at random among those that are stored.
        tolerance: the largest relative difference that counts as agreement.
        given: overrides of the user's, such as `data.root=DIR` or `trainer=cpu`.
        config_dir: a folder with options of the user's own.

    Raises:
        UserError: the cell cannot be computed here.
        NotApplicable: likewise.
    """
    cfg = recomposed(cell.facts, given, config_dir)
    again = LeakCell(cfg)
    before = query.rows(cell).limit(cell.wanted(cell.facts.get("config") or {}))
    stored = sorted(set(before.victims["victim"].to_pylist()) & cell.done())
    if not stored:
        raise UserError(f"{cell.folder.name} has no victim that could be attacked again")
    chosen = sorted(random.sample(stored, min(victims, len(stored))))
    with tempfile.TemporaryDirectory(prefix="leakbench-") as folder, numerics(cell.facts["config"].get("engine") or {}):
        cfg.results = folder
        again.build()
        known = again.identify()
        if known.identity != cell.identity:
            raise UserError(
                f"{cell.folder.name} is another cell here ({known.identity}): its data, weights, settings or versions "
                "are not those of this machine"
            )
        facts = {**known.facts, **again.facts()}
        fresh = Store(Path(folder)).cell(StoredLeak, known.slug, known.identity, facts)
        again.work(fresh, chosen)
        after = query.rows(fresh)
    return Verified(
        cell.folder, chosen, list(cfg.metric), tolerance, list(_differences(before, after, chosen, tolerance))
    )


def record(cell: StoredLeak, found: Verified) -> None:
    """Marks the row of the cell.

    Raises:
        UserError: the folder cannot be written.
    """
    said = "; ".join(found.differences) or "none"
    with locked(cell.folder, notice):
        check = {"at": now(), "victims": found.victims, "agreed": found.agreed}
        verification.add_check(cell.folder, {**check, "tolerance": found.words, "difference": said})


def _differences(before: Rows, after: Rows, chosen: Sequence[int], tolerance: float) -> Iterator[str]:
    """A sentence for each victim whose result is not the stored one."""
    tables = (before.samples, after.samples)
    metrics = [name for name in parts.metric_names(after.samples) if name in parts.metric_names(before.samples)]
    words = [dict(zip(*(rows.victims[name].to_pylist() for name in ("victim", "status")))) for rows in (before, after)]
    scores = [{(row["victim"], row["position"]): row for row in table.to_pylist()} for table in tables]
    for victim in chosen:
        ends = [word.get(victim, "no result") for word in words]
        if (ends[0] in ENDED_WELL) != (ends[1] in ENDED_WELL):
            yield f"victim {victim} ended as {ends[0]} there and as {ends[1]} here"
            continue
        places = [{place for place in found if place[0] == victim} for found in scores]
        if places[0] != places[1] or not metrics:
            yield f"victim {victim} has other examples"
            continue
        yield from _first(
            f"victim {victim}: {name} is {_number(there)} there and {_number(here)} here"
            for place in sorted(places[0])
            for name in metrics
            if not agree(there := scores[0][place][name], here := scores[1][place][name], tolerance)
        )


def _first(sentences: Iterator[str]) -> Iterator[str]:
    found = next(sentences, None)
    if found is not None:
        yield found


def agree(first: Any, second: Any, tolerance: float) -> bool:
    """Whether two scores are the same within a relative tolerance; an undefined score agrees with an undefined one.

    >>> agree(50.0, 52.0, 0.05), agree(50.0, 60.0, 0.05), agree(1e-9, 1e-6, 0.05), agree(None, 0.0, 0.05)
    (True, False, True, False)
    """
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=tolerance, abs_tol=ABSOLUTE)


def _number(value: Any) -> str:
    return "undefined" if value is None else f"{value:.4g}"
