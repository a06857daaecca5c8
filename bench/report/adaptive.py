"""Which defences nobody attacked who was granted them, for tables of defences."""

from __future__ import annotations

from typing import Any

from bench.results.defense_result import DefenseBoard, DefenseResult

RAW = ["attacked_adaptively_by"]  # a column of the csv


def notes(board: DefenseBoard) -> list[str]:
    """A sentence that names the defences that were not attacked adaptively; nothing if all were."""
    spared = [line.title for line in board.lines if line.family != "none" and not line.adaptive]
    if not spared:
        return []
    return [
        f"Not attacked adaptively: {', '.join(spared)}. No attacker in the table was granted this defence "
        "(threat=adaptive), so a stronger one may get more."
    ]


def raw(line: DefenseResult) -> list[Any]:
    """The attacks that were granted the defence, with spaces between them; None if there is none."""
    return [" ".join(line.adaptive) or None]
