"""The stored cell of label inference: its units are victims, and its parts hold one row per victim."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from bench.results.gain import Gain
from bench.results.part_format import WORK, check_rows, latest_rows, read_table, table_of, write_table
from bench.results.parts import AGAIN
from bench.results.stored_cell import CONFIG_SHAPE, ExampleTable, StoredCell
from bench.results.stored_leak import FACTS_SHAPE, LABELS

_MARK = "leakbench labels"
_COLUMNS = [
    ("victim", pa.int64()),
    ("status", pa.string()),
    ("reason", pa.string()),
    ("batch_size", pa.int64()),
    ("labels", pa.int64()),
    ("right", pa.int64()),
    ("classes_right", pa.int64()),
    ("classes_true", pa.int64()),
    ("classes_claimed", pa.int64()),
    ("inferred_batch_size", pa.int64()),
    ("largest_batch_size", pa.int64()),
    ("repeats", pa.int64()),
    ("seconds", pa.float64()),
    ("rank", pa.int64()),
    *WORK,
    ("stored", pa.int64()),
]
_SHOWN = tuple(name for name, _ in _COLUMNS[:13])
_REQUIRED = tuple(name for name in _SHOWN if name not in ("reason", "inferred_batch_size", "largest_batch_size"))


class StoredLabels(StoredCell):
    """What one label rule claimed of the victims of one model, data set, defence and threat model.

    The label `attack` of `facts` is the rule's name. If known, `facts` hold `threat`, `data`, `model` and `defense` as
    those of `StoredLeak` do.
    """

    kind: ClassVar[str] = "labels"
    noun: ClassVar[str] = "label inference"
    units: ClassVar[str] = "victims"
    labels: ClassVar[tuple[str, ...]] = LABELS
    shape: ClassVar[dict[Any, Any]] = {
        **{name: FACTS_SHAPE[name] for name in ("labels", "threat", "data", "model", "defense", "contents")},
        "config": CONFIG_SHAPE,
    }
    needed: ClassVar[tuple[str, ...]] = ("attack", "data", "model", "seed")

    @classmethod
    def wanted(cls, config: Mapping[str, Any]) -> int:
        """How many victims a resolved config asks for; 0 if it does not say."""
        return (config.get("data") or {}).get("victims") or 0

    def done(self) -> set[int]:
        """The ids of the victims that need no more work; one for which the machine failed is tried again."""
        return set(self.times())

    def times(self) -> dict[int, tuple[int, float]]:
        """The times of the victims that need no more work, `{id: (stored [ns since 1970], work [s])}`."""
        return {row["victim"]: (row["stored"], row["seconds"]) for row in self.rows() if row["status"] not in AGAIN}

    def rows(self, victims: int | None = None) -> list[dict[str, Any]]:
        """The readable rows in the order of the victims; if a victim was stored twice, its latest row.

        Args:
            victims: only rows of victims with an id below this; None for all.
        """
        rows = (row for path in self._files() for row in _read(path) or [])
        return latest_rows((row for row in rows if victims is None or row["victim"] < victims), "victim")

    def foreign(self) -> list[str]:
        """The names of the parts that leakbench did not write, or that are corrupt; their victims are done again."""
        return [path.name for path in self._files() if _read(path) is None]

    def _files(self) -> list[Path]:
        return sorted(self.parts.glob("[!.]*.parquet"))

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Stores finished victims; either all of these rows become visible, or none.

        Raises:
            ValueError: a row has an unknown column, or lacks a column that every victim has.
            UserError: the folder cannot be written.
        """
        check_rows(rows, _COLUMNS, _REQUIRED, "label inference")
        if rows:
            table = table_of([{**row, "stored": time.time_ns()} for row in rows], _COLUMNS)
            write_table(self.parts / f"labels-{uuid.uuid4().hex}.parquet", table, mark=_MARK)

    def examples(self) -> ExampleTable:
        """A table with one row per victim: what is right, and the batch size that the gradient shows."""
        return ExampleTable(list(_SHOWN), [[row[name] for name in _SHOWN] for row in self.rows()])

    def summary(self) -> dict[str, Any]:
        """See `bench.results.labels_summary`."""
        from bench.results.labels_summary import summarise

        return summarise(self)

    def fault(self) -> str | None:
        """See `StoredCell.fault`."""
        return self._foreign_part() if self.foreign() else None

    def gain(self, other: StoredLabels) -> Gain:
        """The rows of the victims that this cell lacks."""
        gained = other.done() - self.done()
        rows = [row for row in other.rows() if row["victim"] in gained]
        kept = [{name: value for name, value in row.items() if name != "stored"} for row in rows]
        return Gain(len(gained), [partial(self.append, kept)] if kept else [])


def _read(path: Path) -> list[dict[str, Any]] | None:
    """The rows of a part; None if the part is foreign or corrupt."""
    table, _ = read_table(path, _MARK)
    if table is None or table.column_names != [name for name, _ in _COLUMNS]:
        return None
    rows = table.to_pylist()
    return rows if all(map(_sound, rows)) else None


def _sound(row: Mapping[str, Any]) -> bool:
    """Whether a row has all that readers rely on, and no more is right in it than there is."""
    if any(row[name] is None for name in (*_REQUIRED, "stored")):
        return False
    if (row["inferred_batch_size"] is None) != (row["largest_batch_size"] is None):
        return False
    classes = min(row["classes_true"], row["classes_claimed"])
    return 0 <= row["right"] <= row["labels"] and 0 <= row["classes_right"] <= classes
