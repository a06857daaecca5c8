"""Everything that the page shows, as plain data: boards of rows, and a document per cell that a reader opens."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bench import __version__
from bench.report import papers
from bench.report.division import CLOSED, OPEN, UNKNOWN
from bench.report.ended import in_words
from bench.report.html import words
from bench.report.html.columns import STANDING, columns_of, remembered, reported
from bench.report.html.command import command
from bench.report.html.examples import class_names, curves, examples
from bench.report.html.leaders import leaders
from bench.report.html.means import means_board, printed
from bench.report.html.missing import missing, unfinished
from bench.report.html.pictures import Truths
from bench.report.html.values import per_victim
from bench.report.leaderboard import Board, Leaderboard
from bench.report.measures import Measure
from bench.report.rows import Row, came_from, figure
from bench.report.table import marks
from bench.report.versions import mixed
from bench.results.bootstrap import BOOTSTRAP, RESAMPLES, student
from bench.results.cell_setting import victims_of
from bench.results.intervals import GEOMETRIC, MARKS
from bench.results.paired import DRAWS, EXACT
from bench.storage.file_name import file_name

# Characters that the pictures of all cells may take together, so that the page stays below 30 MB.
PICTURE_BUDGET = 14_000_000
_MOST_PER_CELL = 1_500_000
# Labels that say what was attacked. If all rows of a board share one, a sentence says it and the column is hidden.
_SHARED = ("model", "defense", "threat", "batch", "seed", *STANDING)

# What is said if all rows of a board are in the same division.
_DIVISIONS = {
    CLOSED: "All rows are in the closed division.",
    OPEN: "All rows are in the open division.",
    UNKNOWN: "The division of no row is known.",
}


@dataclass(frozen=True)
class PageData:
    """What the page is made of.

    Args:
        boards: the boards as the template prints them.
        cells: what every row needs, `{identity: {...}}`.
        details: what a reader sees of a cell on opening it, `{identity: {...}}`.
        truths: a data URI per private image.
        private: whether private examples are on the page.
        missing: the cells that were planned and not begun (see `bench.report.html.missing`).
        test: the constants of the paired test and of the interval of a paired difference.
    """

    boards: list[dict[str, Any]]
    cells: dict[str, dict[str, Any]]
    details: dict[str, dict[str, Any]]
    truths: list[str]
    private: bool
    test: dict[str, Any]
    missing: Sequence[Mapping[str, str]] = ()
    version: str = __version__


def collect(found: Leaderboard, root: Path, pictures: bool = True) -> PageData:
    """Reads everything that the page shows.

    Args:
        found: the boards.
        root: the results folder that they are of.
        pictures: whether private examples and their reconstructions are shown.
    """
    truths = Truths()
    budget = min(_MOST_PER_CELL, PICTURE_BUDGET // max(1, len(found.rows)))
    boards = [_board(board, anchor) for board, anchor in zip(found.boards, _anchors(found.boards))]
    measures: dict[str, Sequence[Measure]] = {}
    for board in found.boards:
        measures |= dict.fromkeys((row.cell.identity for row in board.rows), board.measures)
    cells, details = {}, {}
    for row in found.rows:
        pictured = examples(row.cell, row.stored, truths, budget) if pictures else {"kind": None, "items": []}
        own = measures.get(row.cell.identity, ())
        cells[row.cell.identity] = _cell(row, own)
        details[row.cell.identity] = _detail(row, own, pictured)
    with_means: list[dict[str, Any]] = []
    for board, shown in zip(found.boards, boards):
        means = means_board(board, shown)
        with_means += [shown] if means is None else [{**shown, "means": means[0]["id"]}, means[0]]
        cells |= means[1] if means else {}
    private = any(detail["examples"]["items"] for detail in details.values())
    planned = missing(root, [row.cell for row in found.rows])
    return PageData(with_means, cells, details, truths.uris, private, _test(details.values()), planned)


def _anchors(boards: Sequence[Board]) -> list[str]:
    """A word per board for the address of a view, which stays the same when other boards are added."""
    names = [file_name(board.title.lower(), "board") for board in boards]
    return [name if names.count(name) == 1 else f"{name}-{at}" for at, name in enumerate(names)]


def _board(board: Board, anchor: str) -> dict[str, Any]:
    labels = [_labels_of(row) for row in board.rows]
    shared = {key: labels[0][key] for key in _SHARED if len({str(each[key]) for each in labels}) == 1}
    return {
        "id": anchor,
        "of": "",
        "means": "",
        "title": board.title,
        "threat": board.threat,
        "columns": columns_of(board, shared),
        "rows": [row.cell.identity for row in board.rows],
        "shared": _shared_words(shared),
        "leaders": leaders(board),
        "marks": [f"{mark} {MARKS[mark]}." for mark in marks(board.scores)] + remembered(board),
        "mixed": mixed(board.rows),
        "notes": board.foot,
    }


def _shared_words(shared: Mapping[str, Any]) -> str:
    """What all rows of a board have in common, as one sentence."""
    said = {
        "model": "the model {}",
        "defense": "the defence {}",
        "batch": "batches of {}",
        "seed": "the seed {}",
    }
    parts = [
        "no defence" if (key, value) == ("defense", "none") else said[key].format(value)
        for key, value in shared.items()
        if key in said and value is not None
    ]
    division = _DIVISIONS.get(shared.get("division", ""), "")
    if not parts:
        return division
    listed = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"All rows have {listed}. {division}".strip()


def _labels_of(row: Row) -> dict[str, Any]:
    summary = row.summary
    return {
        **{key: summary[key] for key in ("attack", "data", "model", "defense", "threat")},
        "batch": row.batch,
        "seed": row.provenance["seed"],
        "victims": summary["victims"],
        "failed": summary["failures"] if summary["victims"] else None,
        "paper": row.paper,
        "division": row.division.word,
        "origin": row.origin,
        "leakbench": row.provenance["leakbench"],
    }


def _cell(row: Row, measures: Sequence[Measure]) -> dict[str, Any]:
    figures = {} if row.empty else {measure.key: printed(figure(measure, row)) for measure in measures}
    return {
        **_labels_of(row),
        "control": row.control,
        "stopped": _stopped(row),
        "unfinished": "" if row.stopped else unfinished(row.cell, row.summary["victims"]),
        "empty": row.empty,
        "figures": figures,
        "reported": reported(row, measures),
        **{papers.REPORTED + key: one.mean for key, one in row.reported.items()},
        "why": row.division.reason,
        "same": hashlib.sha256(victims_of(row.cell).encode()).hexdigest()[:16],
    }


def _stopped(row: Row) -> str | None:
    """Why the cell as a whole failed or does not apply, with its status in words; None if it did not."""
    failure = row.cell.failure
    return None if failure is None else f"{in_words(failure.status)}: {failure.reason}"


def _detail(row: Row, measures: Sequence[Measure], shown: dict[str, Any]) -> dict[str, Any]:
    config = row.cell.facts.get("config") or {}
    wall = row.provenance["wall"]
    provenance = {
        "identity": row.cell.identity,
        "folder": f"cells/{row.cell.folder.name}",
        "stored since": row.cell.created,
        "commit": row.provenance["commit"],
        "torch": row.provenance["torch"],
        "leakbench": row.provenance["leakbench"],
        "division": row.division.sentence,
        "origin": came_from(row),
        "device": row.provenance["device"],
        "work": None if wall is None else f"{wall:.3g} s in all",
    }
    return {
        "examples": shown,
        "classes": class_names(row.cell.facts) if shown["items"] else [],
        "curves": curves(row.cell, row.stored, max(1, shown.get("stored") or 8)),
        "values": per_victim(row, measures),
        "about": words.about(config, row.cell.facts.get("attack")),
        "endings": words.endings(row.statuses),
        "reasons": {} if row.empty else _by_reason(row.summary["reasons"]),
        "command": command(config),
        "config": yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
        "provenance": {key: value for key, value in provenance.items() if value is not None},
    }


def _by_reason(reasons: Mapping[str, str]) -> dict[str, str]:
    """The reasons why figures are missing, once each: `{figures: reason}`."""
    found: dict[str, list[str]] = {}
    for key, reason in reasons.items():
        if key != "cell":
            found.setdefault(reason, []).append(key)
    return {", ".join(keys): reason for reason, keys in found.items()}


def _test(details: Any) -> dict[str, Any]:
    """What the paired test in the page needs to give the numbers of `bench.results`."""
    most = max([len(detail["values"]["victim"]) for detail in details] or [0])
    generator: Any = np.random.PCG64(0).state
    return {
        "exact": EXACT,
        "draws": DRAWS,
        "bootstrap": BOOTSTRAP,
        "resamples": RESAMPLES,
        "student": [student(freedom) for freedom in range(1, max(2, min(most, 5000)))],
        "state": str(generator["state"]["state"]),
        "increment": str(generator["state"]["inc"]),
        "geometric": GEOMETRIC,
    }
