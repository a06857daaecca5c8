"""The stored cell of line-ups: how often an attacker picks the private example out of equally likely ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa

from bench.results.part_format import WORK
from bench.results.stored_cell import CONFIG_SHAPE
from bench.results.stored_leak import FACTS_SHAPE
from bench.results.stored_victims import StoredVictims

_COLUMNS = [
    ("victim", pa.int64()),
    ("status", pa.string()),
    ("reason", pa.string()),
    ("batch_size", pa.int64()),
    ("candidates", pa.int64()),  # examples in the line-up
    ("draws", pa.int64()),  # of the defence's random numbers; 1 if it has none
    ("picked", pa.float64()),  # share of the draws at which the attacker picks the right example
    ("repeats", pa.int64()),
    ("seconds", pa.float64()),
    ("rank", pa.int64()),
    *WORK,
    ("stored", pa.int64()),
]
_SHOWN = tuple(name for name, _ in _COLUMNS[:9])
_MAY_LACK = ("reason", "picked")


class StoredIdentification(StoredVictims):
    """Line-ups of the victims of one model, data set and defence.

    If known, `facts` hold `data`, `model` and `defense` as those of `StoredLeak` do.
    """

    kind: ClassVar[str] = "identification"
    noun: ClassVar[str] = "a line-up"
    labels: ClassVar[tuple[str, ...]] = ("data", "model", "defense")
    shape: ClassVar[dict[Any, Any]] = {
        **{name: FACTS_SHAPE[name] for name in ("labels", "data", "model", "defense", "contents")},
        "config": CONFIG_SHAPE,
    }
    needed: ClassVar[tuple[str, ...]] = ("data", "model", "seed")
    columns = _COLUMNS
    shown = _SHOWN
    required = tuple(name for name in _SHOWN if name not in _MAY_LACK)

    @classmethod
    def sound(cls, row: Mapping[str, Any]) -> bool:
        """See `StoredVictims.sound`: a share is from 0 to 1."""
        if row["candidates"] < 1 or row["draws"] < 1:
            return False
        return row["picked"] is None or 0 <= row["picked"] <= 1

    def summary(self) -> dict[str, Any]:
        """See `bench.results.identification_summary`."""
        from bench.results.identification_summary import summarise

        return summarise(self)
