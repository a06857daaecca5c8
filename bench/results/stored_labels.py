"""The stored cell of label inference: what a rule claims of each victim's labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa

from bench.results.part_format import WORK
from bench.results.stored_cell import CONFIG_SHAPE
from bench.results.stored_leak import FACTS_SHAPE, LABELS
from bench.results.stored_victims import StoredVictims

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


class StoredLabels(StoredVictims):
    """What one label rule claimed of the victims of one model, data set, defence and threat model.

    The label `attack` of `facts` is the rule's name. If known, `facts` hold `threat`, `data`, `model` and `defense` as
    those of `StoredLeak` do.
    """

    kind: ClassVar[str] = "labels"
    noun: ClassVar[str] = "label inference"
    labels: ClassVar[tuple[str, ...]] = LABELS
    shape: ClassVar[dict[Any, Any]] = {
        **{name: FACTS_SHAPE[name] for name in ("labels", "threat", "data", "model", "defense", "contents")},
        "config": CONFIG_SHAPE,
    }
    needed: ClassVar[tuple[str, ...]] = ("attack", "data", "model", "seed")
    columns = _COLUMNS
    shown = _SHOWN
    required = tuple(name for name in _SHOWN if name not in ("reason", "inferred_batch_size", "largest_batch_size"))

    @classmethod
    def sound(cls, row: Mapping[str, Any]) -> bool:
        """See `StoredVictims.sound`: no more is right than there is."""
        if (row["inferred_batch_size"] is None) != (row["largest_batch_size"] is None):
            return False
        classes = min(row["classes_true"], row["classes_claimed"])
        return 0 <= row["right"] <= row["labels"] and 0 <= row["classes_right"] <= classes

    def summary(self) -> dict[str, Any]:
        """See `bench.results.labels_summary`."""
        from bench.results.labels_summary import summarise

        return summarise(self)
