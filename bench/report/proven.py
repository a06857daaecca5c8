"""The column of what is proven under DP-SGD in tables of defences: how often anybody may pick out the right record."""

from __future__ import annotations

from typing import Any

from bench.report.table import Cell, Column, Value
from bench.results.defense_result import DefenseBoard, DefenseResult

RAW = ["identification_candidates", "identification_bound"]  # columns of the csv


def columns(board: DefenseBoard) -> list[Column]:
    """The head of the column; none if nothing is proven about any line."""
    head = Column("picked out, step", short="picked out", direction="down", align="r")
    return [head] if _proven(board) else []


def cells(line: DefenseResult, board: DefenseBoard) -> list[Cell]:
    """What stands in the line, if the board has the column."""
    return [cell(line)] if _proven(board) else []


def cell(line: DefenseResult) -> Cell:
    """The bound of one shared step: `0.0918 (1 in 100)`."""
    found = _found(line)
    return Value(found["bound"], note=f" (1 in {found['candidates']})") if found else "-"


def notes(board: DefenseBoard) -> list[str]:
    """What a reader must know to read the column; nothing if there is none."""
    candidates = {found["candidates"] for line in board.lines if (found := _found(line))}
    return [
        f"Picked out, step: no attacker picks the image of a shared step out of {count} equally likely ones more often "
        "than at this rate, even if it knows everything else of the step (Balle et al. 2022; Hayes et al. 2023). "
        f"Without the step the rate is 1 in {count}."
        for count in sorted(candidates)
    ]


def raw(line: DefenseResult) -> list[Any]:
    """The numbers of the columns `RAW`; None for what is not known."""
    found = _found(line) or {}
    return [found.get("candidates"), found.get("bound")]


def _proven(board: DefenseBoard) -> bool:
    return any(_found(line) for line in board.lines)


def _found(line: DefenseResult) -> dict[str, Any] | None:
    return line.facts.get("identification")
