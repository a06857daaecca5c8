"""The stored cell of something that is measured of each victim without a reconstruction: one row per victim."""

from __future__ import annotations

import time
import uuid
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from bench.results.gain import Gain
from bench.results.part_format import check_rows, latest_rows, read_table, table_of, write_table
from bench.results.parts import AGAIN
from bench.results.stored_cell import ExampleTable, StoredCell


class StoredVictims(StoredCell):
    """A cell whose units are victims, and whose parts hold one row per victim.

    Attributes:
        columns: the columns of a part; `victim`, `status`, `seconds` and `stored` are among them.
        shown: the columns that a person reads.
        required: the columns that no row leaves empty.
    """

    units: ClassVar[str] = "victims"
    columns: ClassVar[list[tuple[str, pa.DataType]]]
    shown: ClassVar[tuple[str, ...]]
    required: ClassVar[tuple[str, ...]]

    @classmethod
    def wanted(cls, config: Mapping[str, Any]) -> int:
        """How many victims a resolved config asks for; 0 if it does not say."""
        return (config.get("data") or {}).get("victims") or 0

    @classmethod
    @abstractmethod
    def sound(cls, row: Mapping[str, Any]) -> bool:
        """Whether the values of a row without gaps can be true together."""

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
        rows = (row for path in self._files() for row in self._read(path) or [])
        return latest_rows((row for row in rows if victims is None or row["victim"] < victims), "victim")

    def foreign(self) -> list[str]:
        """The names of the parts that leakbench did not write, or that are corrupt; their victims are done again."""
        return [path.name for path in self._files() if self._read(path) is None]

    def _files(self) -> list[Path]:
        return sorted(self.parts.glob("[!.]*.parquet"))

    @classmethod
    def _mark(cls) -> str:
        return f"leakbench {cls.kind}"

    def _read(self, path: Path) -> list[dict[str, Any]] | None:
        """The rows of a part; None if the part is foreign or corrupt."""
        table, _ = read_table(path, self._mark())
        if table is None or table.column_names != [name for name, _ in self.columns]:
            return None
        rows = table.to_pylist()
        full = all(row[name] is not None for row in rows for name in (*self.required, "stored"))
        return rows if full and all(map(self.sound, rows)) else None

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Stores finished victims; either all of these rows become visible, or none.

        Raises:
            ValueError: a row has an unknown column, or lacks a column that every victim has.
            UserError: the folder cannot be written.
        """
        check_rows(rows, self.columns, self.required, self.noun)
        if rows:
            table = table_of([{**row, "stored": time.time_ns()} for row in rows], self.columns)
            write_table(self.parts / f"{self.kind}-{uuid.uuid4().hex}.parquet", table, mark=self._mark())

    def examples(self) -> ExampleTable:
        """A table with one row per victim."""
        return ExampleTable(list(self.shown), [[row[name] for name in self.shown] for row in self.rows()])

    def fault(self) -> str | None:
        """See `StoredCell.fault`."""
        return self._foreign_part() if self.foreign() else None

    def gain(self, other: StoredVictims) -> Gain:
        """The rows of the victims that this cell lacks."""
        gained = other.done() - self.done()
        rows = [row for row in other.rows() if row["victim"] in gained]
        kept = [{name: value for name, value in row.items() if name != "stored"} for row in rows]
        return Gain(len(gained), [partial(self.append, kept)] if kept else [])
