"""Time and peak memory of a cell against the number of its victims: linear the one, flat the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.speed import memory

VICTIMS = (200, 1000, 5000)
# small enough that 5,000 victims take a minute; everything `leakbench run` does is done: deal, attack, score, store
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
_CARRIED = ("engine", "trainer", "paths", "seed")  # what the user says of these holds here too


def measure(overrides: Sequence[str], config_dir: Path | None, victims: Sequence[int] = VICTIMS) -> dict[str, Any]:
    """A row a size, each from a process of its own.

    Returns:
        `rows` with victims, seconds and peak_bytes; `memory_growth`, the peak at most victims over that at fewest;
        `seconds_per_further_victim` and `bytes_per_further_victim`, from each size to the next (time is linear where
        the former are equal, memory flat where the latter are nothing).

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
    """What each further victim costs, from each row to the next."""
    return [(b[key] - a[key]) / (b["victims"] - a["victims"]) for a, b in pairwise(rows)]
