"""What the summaries of cells with one row per victim have in common: counts of victims, and shares over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.results import intervals
from bench.results.stored_leak import ENDED_WELL


def counts(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many `victims` there are, how many `failures`, and how many `reused` (they hold examples of earlier ones)."""
    return {
        "victims": len(rows),
        "failures": sum(row["status"] not in ENDED_WELL for row in rows),
        "reused": sum(row["repeats"] > 0 for row in rows),
    }


def share(values: Sequence[float]) -> dict[str, Any] | None:
    """A share over victims, each from 0 to 1, with its 95 % interval; None without values."""
    return intervals.share(values, range(len(values))).document() if values else None
