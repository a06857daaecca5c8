"""The means over seeds as a board of the page, to which a switch leads from the board of the single cells."""

from collections.abc import Mapping
from typing import Any

from bench.report.html import words
from bench.report.leaderboard import Board
from bench.report.seeds import NOTE
from bench.report.table import Missing, Value
from bench.report.table_rows import TableRow

_LABELS = ("attack", "data", "model", "defense", "threat", "seed", "division", "origin", "leakbench")


def means_board(board: Board, shown: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    """The board of the means, and its rows by their ids; None if no setting has several seeds.

    Args:
        board: the board of the single cells.
        shown: the same as the page has it (see `bench.report.html.data`).
    """
    if not board.means:
        return None
    cells = {f"means-{row.first.cell.identity}": _cell(row, board, shown["id"]) for row in board.means}
    columns = [
        _column(one) for one in shown["columns"] if one["key"] != "paper" and not one["key"].startswith("reported")
    ]
    changed = {"id": f"{shown['id']}-means", "of": shown["id"], "columns": columns, "rows": list(cells)}
    title = f"{shown['title']}, means over seeds"
    return {**shown, **changed, "title": title, "shared": NOTE, "leaders": [], "marks": [], "notes": [NOTE]}, cells


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    if column["key"] != "seed":
        return dict(column)
    return {**column, "title": "seeds", "shown": True, "number": False, "help": words.SEEDS}


def _cell(row: TableRow, board: Board, of: str) -> dict[str, Any]:
    summaries = [one.summary for one, _ in row.members]
    return {
        **{label: row.word(label) for label in _LABELS},
        "batch": row.first.batch,
        "victims": sum(one["victims"] for one in summaries),
        "failed": sum(one["failures"] for one in summaries),
        "control": row.first.control,
        "stopped": next((one.stopped for one, _ in row.members if one.stopped), None),
        "unfinished": "",
        "empty": False,
        "figures": {measure.key: printed(row.figure(measure)) for measure in board.measures},
        "reported": {},
        "why": "",
        "same": f"means-{row.first.cell.identity}",  # no other row has the same victims
        "of": of,
        "seeds": [str(one.provenance["seed"]) for one, _ in row.members],
    }


def printed(figure: Value | Missing) -> dict[str, Any]:
    """The raw numbers of a figure and how they are printed; only `reason` if there is none."""
    if isinstance(figure, Missing):
        return {"reason": figure.reason}
    text = {"text": figure.figure, "interval": figure.interval(" to "), "marks": figure.marks}
    return text | {key: getattr(figure, key) for key in ("mean", "low", "high", "n", "estimand", "method")}
