"""The stored cell of limits: how far what each victim shares determines its inputs, and the error that noise leaves."""

from __future__ import annotations

import math
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
    ("entries", pa.int64()),  # numbers of the inputs of the whole batch
    ("shared", pa.int64()),  # numbers that are shared
    ("jacobian_rank", pa.int64()),
    ("condition", pa.float64()),  # null if the rank is below `entries`
    ("std", pa.float64()),  # see `Defense.gaussian_std`; null without noise
    ("limit_mse", pa.float64()),  # null without noise, or if the rank is below `entries`
    ("bayesian_mse", pa.float64()),  # see `bench.engine.van_trees`; null without noise
    ("mean_mse", pa.float64()),  # error of the data's mean image; null if it is not public
    ("repeats", pa.int64()),
    ("seconds", pa.float64()),
    ("rank", pa.int64()),
    *WORK,
    ("stored", pa.int64()),
]
_SHOWN = tuple(name for name, _ in _COLUMNS[:14])
_MAY_LACK = ("reason", "jacobian_rank", "condition", "std", "limit_mse", "bayesian_mse", "mean_mse")


class StoredLimits(StoredVictims):
    """What no unbiased attacker on the victims of one model, data set and defence gets past.

    If known, `facts` hold `data`, `model` and `defense` as those of `StoredLeak` do.
    """

    kind: ClassVar[str] = "limits"
    noun: ClassVar[str] = "a limit"
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
        """See `StoredVictims.sound`: there is a condition exactly if all directions are seen, and no number is NaN."""
        rank = row["jacobian_rank"]
        if rank is None:
            return all(row[name] is None for name in ("condition", "limit_mse", "bayesian_mse"))
        names = ("condition", "std", "limit_mse", "bayesian_mse", "mean_mse")
        numbers = [row[name] for name in names if row[name] is not None]
        determined = rank == row["entries"]
        limited = determined and row["std"] is not None
        return (
            0 <= rank <= row["entries"]
            and determined == (row["condition"] is not None)
            and limited == (row["limit_mse"] is not None)
            and (row["std"] is None) == (row["bayesian_mse"] is None)
            and all(math.isfinite(number) and number >= 0 for number in numbers)
        )

    def summary(self) -> dict[str, Any]:
        """See `bench.results.limits_summary`."""
        from bench.results.limits_summary import summarise

        return summarise(self)
