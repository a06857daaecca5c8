"""Which attack gets most back from each data set, and which others the paired test does not separate from it."""

from collections.abc import Sequence
from typing import Any

from bench.report.leaderboard import Board
from bench.report.rows import Row
from bench.results import leaks
from bench.results.join import LEVEL, paired
from bench.results.leaks import LeakageScore


def leaders(board: Board) -> list[dict[str, Any]]:
    """The winners of a board: a mapping per data set, model and batch size, without controls and defences.

    Args:
        board: whose rows stand in the order of what came back, the best first.

    Returns:
        `setting` (words), `cell` (the identity of the first row), `attack`, its `origin`, and `others`: the attacks on
        the same victims that a sign-flip test of the leaks does not separate from it, at 5 %, not corrected for the
        number of comparisons. Settings with a single attack are left out, because nothing is compared there.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in board.rows:
        if not row.control and not row.empty and row.summary["victims"] and row.summary["defense"] == "none":
            groups.setdefault((row.summary["data"], row.summary["model"], row.batch), []).append(row)
    several = {at for at in (1, 2) if len({key[at] for key in groups}) > 1}
    found = []
    for key, rows in groups.items():
        if len({row.summary["attack"] for row in rows}) < 2:
            continue
        words = [str(key[0])] + ([f"model {key[1]}"] if 1 in several else [])
        words += [f"batches of {key[2]}"] if 2 in several else []
        first, leak = rows[0], _leak(rows[0])
        others = [row.summary["attack"] for row in rows[1:] if not _separated(leak, _leak(row))]
        found.append(
            {
                "setting": ", ".join(words),
                "cell": first.cell.identity,
                "attack": first.summary["attack"],
                "origin": first.origin,
                "others": _without(others, first.summary["attack"]),
            }
        )
    return found


def _without(names: Sequence[str], own: str) -> list[str]:
    return [name for name in dict.fromkeys(names) if name != own]


def _leak(row: Row) -> LeakageScore | None:
    return leaks.leak(row.cell, {}, row.stored)


def _separated(first: LeakageScore | None, other: LeakageScore | None) -> bool:
    """Whether the first row leaks more by the paired test; rows without a common victim are not compared."""
    p = None if first is None or other is None else paired(first, other)
    return p is None or p < LEVEL
