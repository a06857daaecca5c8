"""The column of label inference in tables of defences: how often a rule reads the label, and what its notes say."""

from __future__ import annotations

from typing import Any

from bench.report.table import Cell, Column, Missing, Value
from bench.results.defense_result import DefenseBoard, DefenseResult

# columns of the csv
RAW = ["label_rule", "label_overlap", "label_overlap_low", "label_overlap_high", "label_victims", "label_rules"]


def columns(board: DefenseBoard) -> list[Column]:
    """The head of the column; none if no rule was tried on any line."""
    head = Column("label leak, rate", short="label", direction="down", align="r")
    return [head] if _measured(board) else []


def cells(line: DefenseResult, board: DefenseBoard) -> list[Cell]:
    """What stands in the line, if the board has the column."""
    return [cell(line)] if _measured(board) else []


def cell(line: DefenseResult) -> Cell:
    """The rate of the rule that is right most often, and its name: `0.95 (bias)`."""
    if line.labels is None:
        return "-"
    if (best := line.labels.best) is None:
        return Missing("; ".join(line.labels.unserved.values()))
    return Value(**best["label_overlap"], places=2, note=f" ({best['rule']})")


def notes(board: DefenseBoard) -> list[str]:
    """What a reader must know to read the column; nothing if there is none."""
    if not _measured(board):
        return []
    tried = [line.labels for line in board.lines if line.labels]
    share = "the label" if (board.batch or 1) == 1 else "how many of a batch's labels"
    lines = [
        f"Label leak: at which rate a label rule reads {share} from what is shared, without a reconstruction. In "
        "brackets: the rule that is right most often. A victim on which it fails counts as nothing right."
    ]
    if (most := max(one.rules for one in tried)) > 1:
        lines[0] += f" The truth chooses it, of up to {most} rules; an attacker, who has to choose, may get less."
    lines += [f"A label that is drawn at random is right at a rate of {one:.3g}." for one in _chances(board)]
    unserved: dict[tuple[str, str], list[str]] = {}
    for line in board.lines:
        for rule, reason in (line.labels.unserved if line.labels else {}).items():
            unserved.setdefault((rule, reason.removeprefix("not_applicable: ")), []).append(line.title)
    return lines + [
        f"No labels by {rule} under {', '.join(titles)}: {reason or 'no victim is done'}."
        for (rule, reason), titles in unserved.items()
    ]


def raw(line: DefenseResult) -> list[Any]:
    """The numbers of the columns `RAW`; None for what is not known."""
    if line.labels is None or (best := line.labels.best) is None:
        return [None] * len(RAW)
    share = best["label_overlap"]
    return [best["rule"], share["mean"], share["low"], share["high"], best["victims"], line.labels.rules]


def _measured(board: DefenseBoard) -> bool:
    return any(line.labels for line in board.lines)


def _chances(board: DefenseBoard) -> list[float]:
    return sorted({line.labels.chance for line in board.lines if line.labels and line.labels.chance is not None})
