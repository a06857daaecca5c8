"""Rows of line-ups as a cell stores them, for tests."""

from typing import Any


def line_up_row(victim: int, picked: float | None = 0.5, **changed: Any) -> dict[str, Any]:
    """A row of a line-up of 100 images under a defence with random numbers."""
    return {
        "victim": victim,
        "status": "converged",
        "batch_size": 1,
        "candidates": 100,
        "draws": 16,
        "picked": picked,
        "repeats": 0,
        "seconds": 0.5,
        **changed,
    }
