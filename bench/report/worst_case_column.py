"""The column of the worst case per victim in tables of defences, and what a reader must know of it."""

from __future__ import annotations

from typing import Any

from bench.report.table import Cell, Column, Value
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.worst_case import WorstCase

# columns of the csv
RAW = ["worst_case", "worst_case_attacks", "best_control", "best_control_of"]


def columns(board: DefenseBoard) -> list[Column]:
    """The head of the column; none if no defence was attacked twice, since it would repeat the leak."""
    head = Column("worst case", short="worst case", direction="down", unit=board.scale.header, align="r")
    return [head] if _shown(board) else []


def cells(line: DefenseResult, board: DefenseBoard) -> list[Cell]:
    """What stands in the line, if the board has the column."""
    return [Value(_found(line, board).mean, places=board.scale.places)] if _shown(board) else []


def notes(board: DefenseBoard) -> list[str]:
    """What a reader must know to read the column; nothing if there is none."""
    if not _shown(board):
        return []
    found = [_found(line, board) for line in board.lines]
    most = max(found, key=lambda one: one.controls)
    counts = sorted({one.attacks for one in found})
    of = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    line = (
        f"Worst case: for each victim the attack that gets most of it, of {of} attacks; the mean over victims. The "
        "truth chooses the attack, so this is an upper bound that no attacker could claim, and it rises with the "
        "number of attacks."
    )
    chance = most.mean_by_chance
    if chance is None:
        return [f"{line} No control was run to compare it with."]
    what = "the only control" if most.controls == 1 else f"the best of {most.controls} controls"
    shown = f"{chance:.{board.scale.places}f} {board.scale.unit}".strip()
    return [f"{line} Chosen in the same way, {what} on the same victims gets {shown}, without a look at a gradient."]


def raw(line: DefenseResult, board: DefenseBoard) -> list[Any]:
    """The numbers of the columns `RAW`."""
    found = _found(line, board)
    return [found.mean, found.attacks, found.mean_by_chance, found.controls]


def _found(line: DefenseResult, board: DefenseBoard) -> WorstCase:
    return line.worst_case(list(board.controls.values()))


def _shown(board: DefenseBoard) -> bool:
    return any(len(line.leaks) > 1 for line in board.lines)
