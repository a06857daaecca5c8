"""Which attack gets most back from each data set, and which others the paired test does not separate from it."""

from collections.abc import Sequence
from typing import Any

from bench.report.leaderboard import Board
from bench.report.rows import Row
from bench.results import leaks
from bench.results.cell_setting import victims_of
from bench.results.join import LEVEL, paired


def leaders(board: Board) -> list[dict[str, Any]]:
    """The winners of a board: a mapping per data set, model and batch size, without defences.

    Args:
        board: whose rows stand in the order of what came back, the best first.

    Returns:
        `setting` (words), `cell` (the identity of the first row), `attack`, `control` (whether it is one: then no
        attack gets more back than a guess without the gradient), its `origin`, and `others`: the attacks on the same
        victims that a sign-flip test of the leaks does not separate from it, at 5 %, not corrected for the number of
        comparisons. Settings with a single attack are left out, because nothing is compared there.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in board.rows:
        if not row.empty and row.summary["victims"] and row.summary["defense"] == "none":
            groups.setdefault((row.summary["data"], row.summary["model"], row.batch), []).append(row)
    tried = {key: rows for key, rows in groups.items() if len(_attacks(rows)) > 1}
    several = [len({key[at] for key in tried}) > 1 for at in range(3)]
    found = []
    for key, rows in tried.items():
        words = [str(key[0])] + [f"model {key[1]}"] * several[1] + [f"batches of {key[2]}"] * several[2]
        first = rows[0]
        best = {row.summary["attack"]: row for row in reversed(rows)}  # of each attack; a test takes half a second
        best.pop(first.summary["attack"])
        same = victims_of(first.cell)
        compared = [row for row in rows if any(row is one for one in best.values()) and victims_of(row.cell) == same]
        compared = [] if first.control else compared
        own = leaks.leak(first.cell, {}, first.stored) if compared else None
        near = [row for row in compared if not _separated(own, row)]
        others = _attacks(near)
        found.append(
            {
                "setting": ", ".join(words),
                "cell": first.cell.identity,
                "attack": first.summary["attack"],
                "control": first.control,
                "origin": first.origin,
                "others": [name for name in others if name != first.summary["attack"]],
            }
        )
    return found


def _attacks(rows: Sequence[Row]) -> list[str]:
    """The names of the attacks that look at the gradient, once each."""
    return list(dict.fromkeys(row.summary["attack"] for row in rows if not row.control))


def _separated(first: leaks.LeakageScore | None, other: Row) -> bool:
    """Whether the first row leaks more by the paired test. An unknown leakage is not separated from anything."""
    its = leaks.leak(other.cell, {}, other.stored)
    if first is None or its is None:
        return False
    p = paired(first, its)
    return p is None or p < LEVEL
