"""The line-ups that stand beside the leakage of a defence: of the same victims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.results.cell_setting import beside, defense_of
from bench.results.defense_result import DefenseResult
from bench.results.identification_summary import summarise
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_leak import StoredLeak


def identified(
    lines: Sequence[DefenseResult], line_ups: Sequence[StoredIdentification], like: StoredLeak
) -> list[DefenseResult]:
    """The lines of a board with their line-ups; a line without one stays as it is.

    Args:
        lines: the defences.
        line_ups: the cells of line-ups.
        like: a cell of an attack of the same board.
    """
    by_defense = beside(line_ups, like)
    found = []
    for line in lines:
        own = by_defense.get(defense_of(line.worst.cell.facts))
        if own is not None:
            rows = [row for row in own.rows() if row["victim"] in set(line.worst.victims)]
            line = replace(line, identification=summarise(own, rows))
        found.append(line)
    return found
