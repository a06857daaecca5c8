"""Rows of label inference as a cell stores them, for tests."""

from typing import Any


def label_row(victim: int, right: int, status: str = "converged", **changed: Any) -> dict[str, Any]:
    """A row of a batch of four labels of four classes, of which `right` are claimed."""
    return {
        "victim": victim,
        "status": status,
        "batch_size": 4,
        "labels": 4,
        "right": right,
        "classes_right": right,
        "classes_true": 4,
        "classes_claimed": 4,
        "inferred_batch_size": 4,
        "largest_batch_size": 9,
        "repeats": 0,
        "seconds": 0.5,
        **changed,
    }
