"""The column of the unbiased limit in tables of defences, and what a reader must know of it."""

from __future__ import annotations

from typing import Any

from bench.report.table import Cell, Column, Missing, Value
from bench.results.defense_result import DefenseBoard, DefenseResult

# columns of the csv
RAW = [
    "input_entries",
    "jacobian_rank_median",
    "condition_median",
    "determined",
    "noise_std",
    "unbiased_limit_mse_median",
    "unbiased_limit_db",
    "bayesian_limit_db",
    "mse_over_limit",
    "limit_informative",
]
_UNIT = "dB"


def columns(board: DefenseBoard) -> list[Column]:
    """The head of the column; none if no limit of any line was measured."""
    head = Column("unbiased limit", short="limit", direction="down", unit=_UNIT, align="r")
    return [head] if _measured(board) else []


def cells(line: DefenseResult, board: DefenseBoard) -> list[Cell]:
    """What stands in the line, if the board has the column."""
    return [cell(line)] if _measured(board) else []


def cell(line: DefenseResult) -> Cell:
    """The unbiased limit of a defence; without noise, whether what is shared determines the inputs."""
    if line.limit is None:
        return "-"
    found = line.limit.document
    if found["determined"] is None:
        return Missing(_reason(line) or "")
    if (limit := found["limit_psnr"]) is not None:
        return Value(**limit, places=1, note=_note(line))
    share, rank = found["determined"], found["jacobian_rank"]
    if share["mean"] == 1.0:
        return "determined"
    if share["mean"] == 0.0:
        return f"rank {rank['median']:.0f} of {found['entries']}"
    return f"{round(share['mean'] * share['n'])} of {share['n']} determined"


def _measured(board: DefenseBoard) -> bool:
    return any(line.limit for line in board.lines)


def _note(line: DefenseResult) -> str:
    assert line.limit is not None
    if line.limit.document["informative"] == 0:
        return " (uninformative)"
    return "" if line.limit.ratio is None else f" (×{line.limit.ratio:.2g})"


def _reason(line: DefenseResult) -> str | None:
    """Why a limit has no figure: `the defence rounds`."""
    if line.limit is None or line.limit.document["determined"] is not None:
        return None
    reason: str = line.limit.document["reasons"].get("cell", "")
    return reason.partition(": ")[2] or reason


def notes(board: DefenseBoard) -> list[str]:
    """What a reader must know to read the column; nothing if there is none."""
    if not _measured(board):
        return []
    lines = [
        "Unbiased limit: the PSNR that no unbiased attacker exceeds on average over the noise, even one who knows the "
        "model and the labels (the bound of Cramér and Rao; the mean over victims). In brackets: the MSE of the worst "
        "attack over that of the limit (the median over victims). An attack that uses the range of the pixels, a prior "
        "or a start is biased, and may have a lower MSE than the limit.",
        "Without noise: determined says that the Jacobian of what is shared has full rank, so that no small change of "
        "an image leaves it as it is. Rank r of n says that n - r directions of an image stay hidden (the median over "
        "victims).",
    ]
    if any(_note(line) == " (uninformative)" for line in board.lines if line.limit):
        lines.append(
            "Uninformative: the data's mean image is nearer to each victim than an unbiased estimate can be, so the "
            "limit says nothing about an attacker with a prior."
        )
    reasons = {line.title: reason for line in board.lines if (reason := _reason(line))}
    return lines + [f"{title}, unbiased limit: {reason}." for title, reason in reasons.items()]


def raw(line: DefenseResult) -> list[Any]:
    """The numbers of the columns `RAW`; None for what is not known."""
    if line.limit is None:
        return [None] * len(RAW)
    found = line.limit.document

    def part(name: str, key: str) -> Any:
        return (found[name] or {}).get(key)

    return [
        found["entries"],
        part("jacobian_rank", "median"),
        part("condition", "median"),
        part("determined", "mean"),
        found["std"],
        part("limit_mse", "median"),
        part("limit_psnr", "mean"),
        part("bayesian_psnr", "mean"),
        line.limit.ratio,
        found["informative"],
    ]
