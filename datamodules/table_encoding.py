"""Tables as rows of numbers: standardised values, and one number per category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.datamodules.pool import Integers
from bench.datamodules.value_pool import Values
from bench.messages.columns import TableColumn, TableColumns

Floats = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Categories:
    """A column of categories.

    Args:
        codes: `[N]`, int64, positions in `names`.
        names: of the categories.
    """

    codes: Integers
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table in its own units.

    Args:
        columns: `{name: values [N] or categories}`, in the order in which a row holds them.
        labels: `[N]`, int64, the classes.
        class_names: of the classes.
    """

    columns: Mapping[str, Floats | Categories]
    labels: Integers
    class_names: tuple[str, ...]


def encoded(table: RawTable, public: Integers) -> tuple[Values, Values, TableColumns]:
    """Standardises the values by those of the public rows, and gives each category a number of its own.

    Args:
        table: N rows.
        public: the numbers of the public rows, at least one.

    Returns:
        Rows `[N, F]`, float32; the most usual row `[F]` of the public ones (mean values, most frequent categories); and
        what their numbers are. A column without spread is only centred.
    """
    rows, usual, columns = [], [], []
    for name, given in table.columns.items():
        if isinstance(given, Categories):
            eye = np.eye(len(given.names))
            rows.append(eye[given.codes])
            usual.append(eye[np.bincount(given.codes[public], minlength=len(given.names)).argmax()])
            columns.append(TableColumn(name, given.names))
        else:
            mean, deviation = float(given[public].mean()), float(given[public].std()) or 1.0
            rows.append(((given - mean) / deviation)[:, None])
            usual.append(np.zeros(1))
            columns.append(TableColumn(name, (), mean, deviation))
    stacked, single = np.concatenate(rows, 1), np.concatenate(usual)
    return stacked.astype(np.float32), single.astype(np.float32), TableColumns(tuple(columns))
