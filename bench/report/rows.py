"""The rows of the boards: a cell of the results with all that a table says of it, and the order in which they stand."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from bench.metrics.column import ScoreColumn
from bench.report import papers
from bench.results import query
from bench.results.columns import columns
from bench.results.stored_leak import StoredLeak
from bench.results.summary import summarise
from bench.results.things import SENTENCES, things


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
        provenance: `seed`, `commit`, `torch`, `device` (words; several are joined) and `wall` (seconds of work).
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
    def things(self) -> str:
        """What it is about: `images` or `sentences`."""
        return things(self.cell.facts)

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


def read(cell: StoredLeak, stored: query.Rows) -> Row:
    """The row of a cell, of its rows as they were read."""
    victims = stored.victims
    config = cell.facts.get("config") or {}
    sizes = set(victims["batch_size"].unique().to_pylist()) or {(config.get("data") or {}).get("batch_size")}
    provenance = {
        "seed": config.get("seed"),
        "commit": _joined(victims["commit"].unique().to_pylist()),
        "torch": _joined(_torch(text) for text in victims["versions"].unique().to_pylist()),
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


def _torch(versions: str | None) -> str | None:
    try:
        return json.loads(versions or "{}").get("torch")
    except (ValueError, AttributeError):
        return None


def _joined(values: Iterable[str | None]) -> str | None:
    return ", ".join(sorted({value for value in values if value})) or None


def rank(row: Row) -> tuple[Any, ...]:
    """Images, then sentences; data set; then, of those with victims, what came back best.

    Of images that is the highest success rates, then the lowest MSE; of sentences, whose batches of one size stand
    together, the highest ROUGE-1, then exact match.
    """

    def mean(key: str, otherwise: float) -> float:
        return (row.summary.get(key) or {"mean": otherwise})["mean"]

    last = row.summary["victims"] == 0
    order: tuple[float, ...]
    if row.things == SENTENCES:
        order = (row.batch or 0, last, -mean("rouge_1", -1.0), -mean("exact_match", -1.0))
    else:
        rates = (-(rate or {"mean": -1.0})["mean"] for rate in row.summary["success_rate"].values())
        order = (last, *rates, mean("mse", float("inf")))
    return (row.things, row.summary["data"], *order, row.cell.folder.name)
