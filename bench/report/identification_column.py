"""The column of identification in tables of defences: how often an example is picked out, measured and proven."""

from __future__ import annotations

from typing import Any

from bench.report.table import Cell, Column, Missing, Value
from bench.results.defense_result import DefenseBoard, DefenseResult

# columns of the csv
RAW = [
    "identification_candidates",
    "identification_draws",
    "identification_picked",
    "identification_picked_low",
    "identification_picked_high",
    "identification_bound",
]


def columns(board: DefenseBoard) -> list[Column]:
    """The head of the column; none if no line has a line-up or a bound."""
    head = Column("picked out, rate", short="picked out", direction="down", align="r")
    return [head] if any(map(_known, board.lines)) else []


def cells(line: DefenseResult, board: DefenseBoard) -> list[Cell]:
    """What stands in the line, if the board has the column."""
    return [cell(line)] if any(map(_known, board.lines)) else []


def cell(line: DefenseResult) -> Cell:
    """The rate that was measured, and in brackets what no attacker exceeds: `0.051 (≤ 0.0918)`."""
    bound = _proven(line).get("bound")
    if line.identification is None:
        return "-" if bound is None else f"≤ {bound:.3g}"
    found = line.identification["picked"]
    if found is None:
        return Missing(line.identification["reasons"].get("cell", ""))
    return Value(**found, places=3, note="" if bound is None else f" (≤ {bound:.3g})")


def notes(board: DefenseBoard) -> list[str]:
    """What a reader must know to read the column; nothing if there is none."""
    lines = []
    measured = [line.identification for line in board.lines if line.identification is not None]
    for count in sorted({found["candidates"] for found in measured if found["candidates"]}):
        lines.append(
            f"Picked out: the rate at which an attacker picks the private example of one shared step out of {count} "
            "equally likely ones of the data set, by what each of them would share. It knows the model, the defence, "
            "the labels and the rest of the batch, and not the random numbers of the client. One that sees nothing "
            f"picks it at {1 / count:.3g}. A low rate of this attacker is no proof that others have a low one."
        )
    bounds = sorted({found["candidates"] for line in board.lines if (found := _proven(line))})
    lines += [
        f"≤: no attacker picks the example out of {count} more often than at this rate, even if it knows everything "
        "else of the step (Balle et al. 2022; Hayes et al. 2023)."
        for count in bounds
    ]
    reasons = {line.title: line.identification["reasons"].get("cell") for line in board.lines if line.identification}
    return lines + [f"{title}, picked out: {reason}." for title, reason in reasons.items() if reason]


def raw(line: DefenseResult) -> list[Any]:
    """The numbers of the columns `RAW`; None for what is not known."""
    found, proven = line.identification or {}, _proven(line)
    picked = found.get("picked") or {}
    candidates = found.get("candidates") or proven.get("candidates")
    parts = [picked.get(part) for part in ("mean", "low", "high")]
    return [candidates, found.get("draws"), *parts, proven.get("bound")]


def _known(line: DefenseResult) -> bool:
    return bool(line.identification or _proven(line))


def _proven(line: DefenseResult) -> dict[str, Any]:
    """What is proven: `candidates` and `bound`; empty if nothing is."""
    return line.facts.get("identification") or {}
