"""The rows of the boards: one board a threat model and kind of data, the controls in each, ranked per data set."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow.compute as pc

from bench.report import papers
from bench.report.measures import MEASURES, Measure
from bench.results import query
from bench.results.intervals import COVERAGE, GROUPS, MARKS, SURVIVORS, methods
from bench.results.stored_leak import StoredLeak
from bench.results.summary import summarise
from bench.results.things import IMAGES, SENTENCES, things
from bench.threat import relevant


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
    def stopped(self) -> str | None:
        """Why the cell as a whole failed or does not apply, or None."""
        return self.summary["reasons"].get("cell")

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show but why it stopped: no victim has a result."""
        return self.stopped is not None and self.summary["failures"] == self.summary["victims"]

    @property
    def paper(self) -> str:
        """The paper's figures and how they are known, or nothing."""
        return papers.words(papers.figures_of(self.cell.facts))


@dataclass(frozen=True)
class Board:
    """The rows of one threat model, all of images or all of sentences, and what stands below them."""

    threat: str
    things: str
    rows: list[Row]
    foot: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Its heading."""
        return f"Threat model: {self.threat}" if self.things == IMAGES else f"Sentences, threat model: {self.threat}"

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Its columns with a number in them: of batches only where it has some."""
        several = any((row.batch or 1) > 1 for row in self.rows)
        return tuple(measure for measure in MEASURES[self.things] if several or not measure.batches)

    @property
    def marks(self) -> dict[str, str]:
        """The marks at its figures, `{mark: what it says}`."""
        values = [measure.value(row.summary) for row in self.rows for measure in self.measures if not row.empty]
        used = {mark for value in values if value is not None for mark in marks(value)}
        return {mark: sentence for mark, sentence in MARKS.items() if mark in used}


def marks(value: Mapping[str, Any]) -> str:
    """The signs at a figure that `bench.results.intervals.MARKS` explains; empty where there are none.

    Args:
        value: an entry of a summary.
    """
    return SURVIVORS * bool(value.get("left_out")) + GROUPS * bool(value.get("groups"))


@dataclass(frozen=True)
class Leaderboard:
    """All boards, each row once (`rows`, in order), and a sentence for each file that was skipped."""

    boards: list[Board]
    rows: list[Row]
    warnings: list[str]


def leaderboard(listing: query.Listing) -> Leaderboard:
    """Read every cell of `listing` and arrange them in boards."""
    rows, warnings = [], list(listing.warnings)
    for cell in listing.cells:
        stored = query.rows(cell)
        warnings += stored.warnings
        rows.append(_row(cell, stored))
    rows.sort(key=_rank)
    tried = {(row.things, row.summary["threat"]) for row in rows if not row.control}
    # controls stand in the boards of others; a kind of which there is nothing else has boards of its own
    tried |= {(row.things, row.summary["threat"]) for row in rows if row.things not in {kind for kind, _ in tried}}
    boards = []
    for kind, threat in sorted(tried):
        own = [row for row in rows if (row.things, row.summary["threat"]) == (kind, threat)]
        sets = {row.summary["data"] for row in own}
        shown = [
            row for row in rows if row in own or (row.control and row.things == kind and row.summary["data"] in sets)
        ]
        board = Board(threat, kind, shown)
        boards.append(replace(board, foot=_foot(shown, own, board.marks)))
    return Leaderboard(boards, rows, warnings)


def _row(cell: StoredLeak, stored: query.Rows) -> Row:
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


def _rank(row: Row) -> tuple[Any, ...]:
    """Images, then sentences; data set; then, of those with victims, what came back best.

    Of images that is the highest success rates, then the lowest MSE; of sentences, whose batches of one size stand
    together, the highest ROUGE-1, then exact match.
    """
    found = {measure.key: measure.value(row.summary) for measure in MEASURES[row.things]}

    def mean(key: str, otherwise: float) -> float:
        return (found[key] or {"mean": otherwise})["mean"]

    last = row.summary["victims"] == 0
    order: tuple[float, ...]
    if row.things == SENTENCES:
        order = (row.batch or 0, last, -mean("rouge_1", -1.0), -mean("exact_match", -1.0))
    else:
        rates = (-mean(f"success_{bound}", -1.0) for bound in ("1e-2", "1e-3", "1e-4"))
        order = (last, *rates, mean("mse", float("inf")))
    return (row.things, row.summary["data"], *order, row.cell.folder.name)


def _foot(shown: list[Row], own: list[Row], used: Mapping[str, str]) -> list[str]:
    """What a reader must know to compare the figures, a sentence each."""
    lines = [
        "Every figure is over samples, and every rate counts them all: a failed victim is no success.",
        methods(errors=any(row.things == IMAGES for row in shown)),
        COVERAGE,
        *(f"{mark} {sentence}." for mark, sentence in used.items()),
        *papers.foot([figure for row in shown for figure in papers.figures_of(row.cell.facts)]),
        *_grants(own),
        *_left_out(shown),
        *_metric_facts(shown),
        *_status_counts(shown),
        *_remarks(shown),
    ]
    if any(row.repeated for row in shown):
        which = ", ".join(f"{_name(row)} ({row.repeated} of {row.summary['victims']})" for row in shown if row.repeated)
        what = shown[0].things
        lines.append(f"{what.capitalize()} repeated (more victims than the data set fills with new {what}): {which}.")
    if any("dirty" in (row.provenance["commit"] or "") for row in shown):
        lines.append("A commit marked dirty had changes that were not committed.")
    return lines


def _name(row: Row) -> str:
    return f"{row.summary['attack']} on {row.summary['data']}"


def _grants(own: list[Row]) -> list[str]:
    lines: list[str] = []
    for row in own:
        threat = row.cell.facts.get("threat") or {}
        grants = relevant(threat.get("grants") or {}, row.things)
        yes = ", ".join(key.replace("_", " ") for key, value in grants.items() if value is True)
        no = ", ".join(key.replace("_", " ") for key, value in grants.items() if value is False)
        other = ", ".join(f"{key.replace('_', ' ')}: {v}" for key, v in grants.items() if not isinstance(v, bool))
        line = f"Threat model {threat.get('letter', row.summary['threat'])} grants {yes or 'nothing'}"
        line += (f" ({other})" if other else "") + (f"; it does not grant {no}." if no else ".")
        if grants and line not in lines:
            lines.append(line)
    return lines


def _left_out(shown: list[Row]) -> list[str]:
    """What of a data set no victim can hold."""
    held = {row.summary["data"]: (row.cell.facts.get("data") or {}).get("remark") for row in shown}
    return [f"{name}: {remark}." for name, remark in held.items() if remark]


def _metric_facts(shown: list[Row]) -> list[str]:
    """One line a metric and setting; the data sets are named where not all share it."""
    used: dict[tuple[str, str], set[str]] = {}
    for row in shown:
        for key, facts in (row.cell.facts.get("metrics") or {}).items():
            text = ", ".join(f"{name} {_plain(value)}" for name, value in facts.items() if value is not None)
            if text:
                used.setdefault((key, text), set()).add(row.summary["data"])
    variants = Counter(key for key, _ in used)
    return [
        f"{key}" + (f" on {', '.join(sorted(sets))}" if variants[key] > 1 else "") + f": {text}."
        for (key, text), sets in used.items()
    ]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def _status_counts(shown: list[Row]) -> list[str]:
    total: Counter[str] = Counter()
    for row in shown:
        total.update(row.statuses)
    if not total:
        return []
    return ["Victims by how the work on them ended: " + ", ".join(f"{n} {word}" for word, n in total.items()) + "."]


def _remarks(shown: list[Row]) -> list[str]:
    """Why an entry is missing or covers fewer samples; one line a reason, with the cells it holds for."""
    held: dict[str, list[str]] = {}
    for row in shown:
        for key, reason in row.summary["reasons"].items():
            if not row.empty:
                held.setdefault(f"{key}: {reason}", []).append(_name(row))
    return [f"{what} ({', '.join(dict.fromkeys(names))})." for what, names in held.items()]
