"""The rows of the boards: a cell of the results with all that a table says of it, and the order in which they stand."""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow.compute as pc

from bench.metrics.column import ScoreColumn
from bench.modalities.base import Modality
from bench.modalities.lookup import modality_of
from bench.report import papers
from bench.report.division import Division, division
from bench.report.measures import Measure
from bench.report.table import Missing, Value
from bench.results import query, verification
from bench.results.columns import columns
from bench.results.members import members
from bench.results.stored_leak import StoredLeak
from bench.results.summary import summarise


@dataclass(frozen=True)
class Row:
    """One cell as a line of a board.

    Args:
        cell: where it comes from.
        summary: see `bench.results.summary`.
        control: whether it is a control, which every board carries.
        batch: B, or None where neither a row nor the config says it.
        statuses: how many victims ended how, `{word: count}`; empty for a cell without victims.
        repeated: how many victims have images that an earlier one had already.
        provenance: `seed`, `commit`, `torch`, `leakbench`, `device` (words; several are joined) and `wall` (seconds of
            work).
        stored: its rows, slim, for who draws it or compares it.
    """

    cell: StoredLeak
    summary: dict[str, Any]
    control: bool
    batch: int | None
    statuses: dict[str, int]
    repeated: int
    provenance: dict[str, Any]
    stored: query.Rows = field(repr=False, compare=False)

    @property
    def members(self) -> dict[str, int]:
        """Of an ensemble, how many victims have the claim of each member; empty for any other attack."""
        return members(self.stored)

    @property
    def modality(self) -> Modality:
        """The kind of data that it is about."""
        return modality_of(self.cell.facts)

    @property
    def columns(self) -> dict[str, ScoreColumn]:
        """How the tables print its metrics."""
        return columns(self.cell.facts)

    @property
    def stopped(self) -> str | None:
        """Why the cell as a whole failed or does not apply, or None."""
        return self.summary["reasons"].get("cell")

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show but why it stopped: no victim has a result."""
        return self.stopped is not None and self.summary["failures"] == self.summary["victims"]

    @property
    def name(self) -> str:
        """What a sentence calls it."""
        return f"{self.summary['attack']} on {self.summary['data']}"

    @property
    def title(self) -> str:
        """The attack, marked if it is a control."""
        return self.summary["attack"] + (" (control)" if self.control else "")

    @property
    def paper(self) -> str:
        """The paper's figures and how they are known, or nothing."""
        return papers.words(papers.figures_of(self.cell.facts))

    @cached_property
    def reported(self) -> dict[str, papers.Reported]:
        """The paper's figures by the keys of the measured ones."""
        return papers.reported(self.cell.facts)

    @cached_property
    def origin(self) -> str:
        """Where it comes from, in the words of `bench.results.verification`; empty if it was computed here."""
        return verification.mark(self.cell.folder)

    @cached_property
    def division(self) -> Division:
        """Whether the attack ran as leakbench ships it."""
        return division(self.cell.facts, self.stored.victims["victim"].to_pylist())

    @property
    def standing(self) -> dict[str, str]:
        """Where it stands and comes from, in words: `division`, `origin` and the version of `leakbench`."""
        version = self.provenance["leakbench"] or ""
        return {"division": self.division.word, "origin": self.origin, "leakbench": version}


def read(cell: StoredLeak, stored: query.Rows) -> Row:
    """The row of a cell, of its rows as they were read."""
    victims = stored.victims
    config = cell.facts.get("config") or {}
    sizes = set(victims["batch_size"].unique().to_pylist()) or {(config.get("data") or {}).get("batch_size")}
    provenance = {
        "seed": config.get("seed"),
        "commit": _joined(victims["commit"].unique().to_pylist()),
        "torch": _joined(_version(text, "torch") for text in victims["versions"].unique().to_pylist()),
        "leakbench": _joined(_version(text, "leakbench") for text in victims["versions"].unique().to_pylist()),
        "device": _joined(victims["device"].unique().to_pylist()),
        "wall": pc.sum(victims["seconds"]).as_py(),
    }
    return Row(
        cell=cell,
        summary=summarise(cell, stored),
        control=bool(cell.facts.get("control")),
        batch=sizes.pop(),
        statuses=dict(Counter(sorted(victims["status"].to_pylist()))),
        repeated=pc.sum(pc.greater(victims["repeats"], 0)).as_py() or 0,
        provenance=provenance,
        stored=stored.slim(),
    )


def came_from(row: Row) -> str | None:
    """The origin of a row with the entry that it came with: `claimed (entry.zip)`; None if it was computed here."""
    if not row.origin:
        return None
    try:
        files = [one["file"] for one in verification.read(row.cell.folder)["imported"] if one.get("file")]
    except ValueError as problem:
        return f"{row.origin} ({problem})"
    return f"{row.origin} ({files[-1]})" if files else row.origin


def _version(versions: str | None, package: str) -> str | None:
    """The version of a package in a row's record of versions."""
    try:
        found = json.loads(versions or "{}").get(package)
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def _joined(values: Iterable[str | None]) -> str | None:
    return ", ".join(sorted({value for value in values if value})) or None


def rank(row: Row) -> tuple[Any, ...]:
    """The place of a row: by kind of data and data set; then, of those with victims, what came back best.

    That is the highest success rates, if there are some, and then the metrics that the kind of data names. Of sentences
    and the like, batches of one size stand together.
    """
    kind, summary = row.modality, row.summary

    def place(entry: Any, better: str) -> float:
        """The higher, the further back; behind all others if there is no figure."""
        if not entry:
            return math.inf
        return -entry["mean"] if better == "up" else entry["mean"]

    size = (row.batch or 0) if kind.by_batch else 0
    rates = [place(rate, "up") for rate in (summary["success_rate"] or {}).values()]
    means = [place(summary.get(key), better) for key, better in kind.ranking]
    order = (size, summary["victims"] == 0, *rates, *means)
    return (kind.name, summary["data"], *order, row.cell.folder.name)


def figure(measure: Measure, row: Row) -> Value | Missing:
    """The figure of a row, or why it has none."""
    entry = measure.value(row.summary)
    if entry is None:
        return Missing(row.summary["reasons"].get(" ".join(measure.path), ""))
    return Value(**entry, places=measure.places)
