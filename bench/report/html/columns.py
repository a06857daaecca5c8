"""The columns of a board on the page, and what stands in the columns of reported figures."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bench.report import papers
from bench.report.html import words
from bench.report.leaderboard import Board
from bench.report.measures import Measure
from bench.report.rows import Row
from bench.report.table import number
from bench.results.intervals import GEOMETRIC, MEAN, RATE

_LABELS = ("attack", "data", "model", "defense", "threat", "batch", "seed", "victims", "failed")
STANDING = ("division", "origin", "leakbench")  # columns behind the figures
_NUMBERS = ("batch", "seed", "victims", "failed")
_TITLES = {"defense": "defence", "threat": "threat model", "batch": "B"}


def columns_of(board: Board, shared: Collection[str]) -> list[dict[str, Any]]:
    """The columns of a board, from left to right; a reader switches on those that are not `shown` at first.

    Args:
        board: the board.
        shared: the labels that all of its rows share, which a sentence says.
    """
    facts: dict[str, Any] = {}
    for row in board.rows:
        for key, known in (row.cell.facts.get("metrics") or {}).items():
            facts.setdefault(key, known or {})
    found = [_label(key, key not in shared and key != "threat") for key in _LABELS]
    for measure in board.measures:
        found.append(_figure(measure, facts.get(measure.key, {}), board))
        if any(measure.key in row.reported for row in board.rows):
            found.append(_reported(found[-1]))
    claimed = any(row.origin for row in board.rows)
    found += [_label(key, key not in shared or (key == "origin" and claimed)) for key in STANDING]
    return found + [_label("paper", shown=True)] * any(row.paper for row in board.rows)


def _label(key: str, shown: bool) -> dict[str, Any]:
    plain = {"estimand": "", "unit": "", "direction": "", "rate": False, "kind": "label"}
    named = {"key": key, "title": _TITLES.get(key, key), "help": words.LABELS[key]}
    return named | {"shown": shown, "number": key in _NUMBERS} | plain


def _reported(measured: Mapping[str, Any]) -> dict[str, Any]:
    """The column of a paper's figures beside the column of the measured ones."""
    apart = "" if measured["estimand"] in (MEAN, RATE, GEOMETRIC) else measured["estimand"]
    named = {"key": papers.REPORTED + measured["key"], "title": measured["title"], "unit": measured["unit"]}
    named |= {"estimand": ", ".join(filter(None, (apart, "reported"))), "help": words.REPORTED, "number": True}
    return _label("paper", measured["shown"]) | named


def _figure(measure: Measure, facts: Mapping[str, Any], board: Board) -> dict[str, Any]:
    entries = [measure.value(row.summary) for row in board.rows if not row.empty]
    rate = any(entry and entry.get("estimand") == RATE for entry in entries)
    name, _, estimand = measure.title.rpartition(", ")
    return {
        "key": measure.key,
        "title": name or measure.title,
        "estimand": estimand if name else "",
        "unit": measure.unit,
        "direction": measure.better,
        "kind": "figure",
        "help": words.help_of(measure, facts),
        "shown": bool(measure.short) and any(entries),
        "rate": rate,
        "number": True,
    }


def remembered(board: Board) -> list[str]:
    """What the sign at a remembered figure says, if the board has one."""
    used = any(one.mark for row in board.rows for one in row.reported.values())
    return [f"{papers.REMEMBERED} {papers.REMEMBERED_WORDS}."] if used else []


def reported(row: Row, measures: Sequence[Measure]) -> dict[str, dict[str, str]]:
    """The paper's figures as they are printed, by the keys of their columns."""
    places = {measure.key: measure.places for measure in measures}
    return {
        papers.REPORTED + key: {"text": number(one.mean, places.get(key)) + one.mark, "below": one.words}
        for key, one in row.reported.items()
    }
