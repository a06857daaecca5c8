"""What label rules read under a defence, beside its leakage: of the same victims, under the same threat model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from bench.results.cell_setting import ADAPTIVE, defense_of, setting_of
from bench.results.defense_result import DefenseResult, LabelResult
from bench.results.labels_summary import summarise
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak

# Grants beside which a label rule stands as well: those of adaptive attackers, and images, at which no rule looks.
_BESIDE = (*ADAPTIVE, "public_images")


def with_labels(lines: Sequence[DefenseResult], cells: Sequence[StoredLabels], like: StoredLeak) -> list[DefenseResult]:
    """The lines of a board with what label rules read; a line on which no rule was tried stays as it is.

    Args:
        lines: the defences.
        cells: the cells of label inference.
        like: a cell of an attack of the same board. Rules that were granted more or less than its attacker do not
            count, except for what adaptive attackers are granted, and for public images.
    """
    board = setting_of(like, without=_BESIDE)
    by_defense: dict[str, list[StoredLabels]] = {}
    for cell in cells:
        if setting_of(cell, without=_BESIDE) == board:
            by_defense.setdefault(defense_of(cell.facts), []).append(cell)
    found = []
    for line in lines:
        own = by_defense.get(defense_of(line.worst.cell.facts))
        found.append(line if own is None else replace(line, labels=_result(own, set(line.worst.victims))))
    return found


def _result(cells: Sequence[StoredLabels], victims: Collection[int]) -> LabelResult:
    documents = [summarise(cell, [row for row in cell.rows() if row["victim"] in victims]) for cell in cells]
    served = [one for one in documents if one["failures"] < one["victims"]]
    rules = {one["rule"] for one in served}
    best = min(served, key=lambda one: (-one["label_overlap"]["mean"], one["rule"]), default=None)
    reasons = {one["rule"]: one["reasons"].get("cell", "") for one in documents if one["rule"] not in rules}
    return LabelResult(best, len(rules), _chance(cells), reasons)


def _chance(cells: Sequence[StoredLabels]) -> float | None:
    """The rate at which a label drawn uniformly is right; None for larger batches, whose labels are a multiset."""
    for cell in cells:
        classes = (cell.facts.get("data") or {}).get("classes")
        if classes and (cell.facts.get("config") or {}).get("data", {}).get("batch_size") == 1:
            return 1 / float(classes)
    return None
