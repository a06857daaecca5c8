"""One number per victim and column, so that two cells on the same victims can be compared in pairs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.report.measures import Measure
from bench.report.rows import Row
from bench.results import leaks
from bench.results.intervals import FLOOR, GEOMETRIC, RATE
from bench.results.query import Rows
from bench.results.stored_leak import ENDED_WELL

_DIGITS = 9  # significant ones; more change no comparison of measured values


def per_victim(row: Row, measures: Sequence[Measure]) -> dict[str, Any]:
    """The values of a cell, column by column.

    Args:
        row: the cell.
        measures: the columns of its board.

    Returns:
        `victim`, `status` (lists, in the order of ids), and `columns`, a list per measure that the cell has. The value
        of a victim is what its board takes the mean of: the mean over the victim's batch, the geometric mean if the
        board's figure is one, or the share of successes, which is 0 for a failed victim. Null means no value.
    """
    stored = row.stored
    ids = stored.victims["victim"].to_pylist()
    failed = [word not in ENDED_WELL for word in stored.victims["status"].to_pylist()]
    columns: dict[str, list[float | None]] = {}
    for measure in measures:
        found = None if row.empty else _values(measure, row, stored, failed)
        if found is not None:
            columns[measure.key] = [_number(value) for value in found]
    return {"victim": ids, "status": stored.victims["status"].to_pylist(), "columns": columns}


def _values(measure: Measure, row: Row, stored: Rows, failed: Sequence[bool]) -> list[float] | None:
    """`[n]`, NaN for a victim without a value; None if the cell has no such figure."""
    if measure.value(row.summary) is None:
        return None
    if measure.key in ("evaluations_per_victim", "seconds_per_victim"):
        name = measure.key.partition("_")[0]
        return [np.nan if value is None else float(value) for value in stored.victims[name].to_pylist()]
    if measure.key == "label_accuracy":
        return _labels(stored, overlap=False)
    if measure.key == "label_overlap":
        return _labels(stored, overlap=True)
    if measure.path[0] == "success_rate":
        threshold = row.modality.success[measure.path[1]]
        found = _of(stored, "mse")
        return [float((each <= threshold).mean()) * (not bad) for each, bad in zip(found, failed)]
    column = row.columns.get(measure.key)
    estimand = column.estimand if column else None
    found = _of(stored, measure.key)
    if estimand == RATE:
        return [float(np.nan_to_num(each).mean()) * (not bad) for each, bad in zip(found, failed)]
    if estimand == GEOMETRIC:
        return [10 ** _mean(np.log10(np.maximum(each, FLOOR))) for each in found]
    return [_mean(each) for each in found]


def _of(stored: Rows, column: str) -> list[np.ndarray]:
    return list(leaks.values(stored, column, failed=True).values())


def _labels(stored: Rows, overlap: bool) -> list[float]:
    """The share of each batch's labels that are claimed correctly: in their places, or as multisets (`overlap`)."""
    truth, claims = _of(stored, "label"), _of(stored, "label_guess")
    if "label_accuracy" in stored.samples.column_names:
        known = _of(stored, "label_accuracy")
        if not overlap:
            return [float(np.nan_to_num(each).mean()) for each in known]
        claims = [np.where(np.isfinite(seen), claim, -1) for seen, claim in zip(known, claims)]
    if not overlap:
        return [float(((one == other) & (other >= 0)).mean()) for one, other in zip(truth, claims)]
    shares = []
    for one, other in zip(truth, claims):
        common: Mapping[float, int] = Counter(one[one >= 0].tolist()) & Counter(other[other >= 0].tolist())
        shares.append(sum(common.values()) / len(one))
    return shares


def _mean(values: np.ndarray) -> float:
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if len(kept) else float("nan")


def _number(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None
