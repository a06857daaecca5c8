"""The limits that stand beside the leakage of a defence: of the same victims, and how far the attack is from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.results import leaks
from bench.results.cell_setting import beside, defense_of
from bench.results.defense_result import DefenseResult, LimitResult
from bench.results.leaks import LeakageScore
from bench.results.limits_summary import summarise
from bench.results.stored_leak import StoredLeak
from bench.results.stored_limits import StoredLimits


def limited(lines: Sequence[DefenseResult], limits: Sequence[StoredLimits], like: StoredLeak) -> list[DefenseResult]:
    """The lines of a board with their limits; a line without one stays as it is.

    Args:
        lines: the defences.
        limits: the cells of limits.
        like: a cell of an attack of the same board.
    """
    by_defense = beside(limits, like)
    found = []
    for line in lines:
        own = by_defense.get(defense_of(line.worst.cell.facts))
        found.append(line if own is None else replace(line, limit=_beside(own, line.worst)))
    return found


def _beside(limit: StoredLimits, worst: LeakageScore) -> LimitResult:
    rows = [row for row in limit.rows() if row["victim"] in set(worst.victims)]
    errors = leaks.errors(worst.rows)
    pairs = [(float(np.mean(errors[row["victim"]])), row["limit_mse"]) for row in rows if row["limit_mse"] is not None]
    ratios = [error / bound for error, bound in pairs if np.isfinite(error)]
    return LimitResult(summarise(limit, rows), float(np.median(ratios)) if ratios else None)
