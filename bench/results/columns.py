"""Which metrics a cell has and how the tables print them, as the metrics themselves said when the cell was stored."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from bench.metrics.column import ScoreColumn

_FIELDS = [field.name for field in fields(ScoreColumn)]
_NULLABLE = ("places", "short")
_PLACES = 17  # no float has more digits that mean something


def columns(facts: Mapping[str, Any]) -> dict[str, ScoreColumn]:
    """`{metric: its column}` of a cell, in the order of the tables, with those that the tables do not show.

    Args:
        facts: of the cell (see `StoredLeak`).
    """
    stored = {key: (metric or {}).get("column") for key, metric in (facts.get("metrics") or {}).items()}
    return {key: _column(key, column) for key, column in stored.items() if column}


def _column(key: str, stored: Mapping[str, Any]) -> ScoreColumn:
    """The column of stored values, which anybody may have written: what cannot be printed becomes the default."""
    known = {name: stored[name] for name in _FIELDS if name in stored}
    column = ScoreColumn(**{name: value for name, value in known.items() if value is not None or name in _NULLABLE})
    return replace(
        column,
        title=column.title or key.replace("_", " "),
        places=None if column.places is None else min(column.places, _PLACES),
        direction=column.direction if column.direction in ("up", "down") else "",
    )
