"""Leakage against utility: the boards of defences as plain data, each point with the rows that it leads to."""

from collections.abc import Sequence
from typing import Any

from bench.report import defenses
from bench.report.strengths import ordered
from bench.report.table import Table
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.join import front
from bench.storage.file_name import file_name


def tradeoffs(compared: Sequence[DefenseBoard]) -> list[dict[str, Any]]:
    """The boards of defences.

    Args:
        compared: the boards.

    Returns:
        Per board its `title`, its `tables` (`bench.report.table.Table`), `links` (the identity of the cell of the worst
        attack, per line of the first table), `notes`, and `plot`: null if fewer than two defences were trained, else
        `points` with their `accuracy` and `leak` (`mean`, `low`, `high`) and the words of both axes.
    """
    sections = defenses.page(compared, {}).sections
    found = []
    for number, (board, section) in enumerate(zip(compared, sections), 1):
        tables: list[Table] = list(section.tables)
        found.append(
            {
                "id": f"defences-{file_name(section.title.lower(), 'board')}-{number}",
                "title": section.title,
                "tables": tables,
                "links": [line.worst.cell.identity for line in board.lines],
                "notes": list(section.notes),
                "plot": _plot(board),
            }
        )
    return found


def _plot(board: DefenseBoard) -> dict[str, Any] | None:
    trained = [line for line in ordered(board.lines) if line.utility and line.utility["accuracy"]]
    if len(trained) < 2:
        return None
    best = {line.title for line in front(trained)}
    unit = f" ({board.scale.unit})" if board.scale.unit else ""
    return {
        "x": "test accuracy of a model that is trained under the defence",
        "y": f"leak under the worst attack: {board.scale.name}{unit}",
        "places": board.scale.places,
        "points": [_point(line, line.title in best) for line in trained],
    }


def _point(line: DefenseResult, best: bool) -> dict[str, Any]:
    assert line.utility is not None
    accuracy, leak = line.utility["accuracy"], line.worst.figure.figure
    return {
        "title": line.title,
        "family": line.family,
        "attack": line.worst.attack,
        "cell": line.worst.cell.identity,
        "front": best,
        "accuracy": {key: accuracy[key] for key in ("mean", "low", "high")},
        "leak": {"mean": line.worst.mean, "low": leak.low, "high": leak.high},
    }
