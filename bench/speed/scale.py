"""Measures the time and the peak memory of a cell for growing numbers of victims.

The time should grow linearly, and the memory should not grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.speed import memory

VICTIMS = (200, 1000, 5000)
# The cell is so small that 5,000 victims take a minute, but it does all that `leakbench run` does: deal, attack, score
# and store.
TINY = (
    "attack=idlg",
    "attack.evaluations=20",
    "attack.history=5",
    "data=samples",
    "data.size=8",
    "data.channels=1",
    "model=lenet",
    "model.width=2",
    "metric=mse",
    "logger=none",
    "report.images=0",
)
_CARRIED = ("engine", "trainer", "paths", "seed")  # the user's overrides of these apply here too


def measure(overrides: Sequence[str], config_dir: Path | None, victims: Sequence[int] = VICTIMS) -> dict[str, Any]:
    """Measures one cell per number of victims, each in a process of its own.

    Args:
        overrides: the overrides of `leakbench run`; only those of `_CARRIED` apply.
        config_dir: a folder with options of the user's own.
        victims: the numbers of victims, at least two, in ascending order.

    Returns:
        `overrides` (those that were used), `rows` with `victims`, `seconds` and `peak_bytes`, and `memory_growth`, the
        peak of the last row divided by that of the first. `seconds_per_further_victim` and `bytes_per_further_victim`
        go from each row to the next: the time is linear if the former are equal, and the memory is flat if the latter
        are zero.

    Raises:
        ChildFailed: a process ended without an answer.
    """
    carried = [text for text in overrides if text.partition("=")[0].split(".")[0] in _CARRIED]
    rows = []
    for count in victims:
        found = memory.measure("cell", [*TINY, *carried, f"data.victims={count}"], config_dir)
        rows.append({"victims": count, "seconds": found["seconds"], "peak_bytes": found["peak_bytes"]})
    first, last = rows[0], rows[-1]
    return {
        "overrides": [*TINY, *carried],
        "rows": rows,
        "memory_growth": last["peak_bytes"] / first["peak_bytes"],
        "bytes_per_further_victim": _slopes(rows, "peak_bytes"),
        "seconds_per_further_victim": _slopes(rows, "seconds"),
    }


def _slopes(rows: list[dict[str, Any]], key: str) -> list[float]:
    """The cost of each further victim, from each row to the next."""
    return [(b[key] - a[key]) / (b["victims"] - a["victims"]) for a, b in pairwise(rows)]
