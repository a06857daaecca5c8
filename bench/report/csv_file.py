"""A table as CSV: raw numbers for a program, none of them rounded."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from bench.report.table import Cell, Link, Missing, Name, Table, Value
from bench.results.scores import OTHERS, RECOVERED
from bench.terminal.printable import csv_cell

# Behind the key of a column of figures.
_MEDIANS = ("median", f"{RECOVERED}_median", f"{OTHERS}_median")
_PARTS = ["", "_low", "_high", "_n", "_left_out", "_estimand", "_method"]
_PARTS += [f"_{name}{part}" for name in _MEDIANS for part in ("", "_low", "_high", "_n", "_method")]


def text(table: Table) -> str:
    """The file: the columns that have a key. No text in it is a formula (see `bench.terminal.printable.csv_cell`).

    A column of figures becomes several: `KEY` is the figure, then follow its bounds, `KEY_n`, `KEY_left_out` (the
    number of samples without a value, over whose survivors the figure is then), what is estimated and how, and the
    medians, which of two groups stand in place of an interval. All are empty if there is no figure.
    """
    rows: list[list[Any]] = [[]]
    for column in table.columns:
        rows[0] += [column.key + part for part in (_PARTS if column.figure else [""])] if column.key else []
    for line in table.lines:
        row: list[Any] = []
        for column, cell in zip(table.columns, line.cells):
            if column.key:
                row += _parts(cell) if column.figure else [_plain(cell)]
        rows.append(row)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([csv_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _parts(cell: Cell) -> list[Any]:
    """The columns of `_PARTS`."""
    if not isinstance(cell, Value):
        return [None] * len(_PARTS)
    groups: Mapping[str, Mapping[str, Any]] = cell.groups or {}
    medians = [cell.median or {}, groups.get(RECOVERED, {}), groups.get(OTHERS, {})]
    plain = [cell.mean, cell.low, cell.high, cell.n, cell.left_out, cell.estimand, cell.method]
    return [*plain, *(median.get(part) for median in medians for part in ("mean", "low", "high", "n", "method"))]


def _plain(cell: Cell) -> Any:
    match cell:
        case Value():
            return cell.mean
        case Missing():
            return None
        case Name():
            return cell.text
        case Link():
            return cell.target
        case _:
            return cell
