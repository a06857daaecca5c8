"""One number per victim and column, so that two cells on the same victims can be compared in pairs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.report.ended import in_words
from bench.report.measures import Measure
from bench.report.rows import Row
from bench.results.victim_values import geometric, victim_values

_DIGITS = 9  # significant ones; more change no comparison of measured values


def per_victim(row: Row, measures: Sequence[Measure]) -> dict[str, Any]:
    """The values of a cell, column by column.

    Args:
        row: the cell.
        measures: the columns of its board.

    Returns:
        `victim`, `ended` (in words; both in the order of ids), and `columns`, a list per measure that the cell has. The
        value of a victim is what its board takes the mean of (see `bench.results.victim_values`); of squared errors it
        is the geometric mean over the victim's batch. Null means no value.
    """
    stored = row.stored
    ids, statuses = (stored.victims[name].to_pylist() for name in ("victim", "status"))
    columns: dict[str, list[float | None]] = {}
    for measure in measures:
        if row.empty or measure.value(row.summary) is None:
            continue
        found = victim_values(row.cell, stored, measure.key)
        base = 10.0 if geometric(row.cell, measure.key) else None
        columns[measure.key] = [_number(found[victim] if base is None else base ** found[victim]) for victim in ids]
    return {"victim": ids, "ended": [in_words(word) for word in statuses], "columns": columns}


def _number(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None
