"""What every logger tells of a finished cell, under the same keys: docs/wandb.md describes each of them.

A key begins with what it is about: `score/` (what came back), `cost/` (what it took), `count/`, `objective/` (what the
attacker minimised), `pictures/` and `table/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.results.moments import Pictures, StoredImage, pictures
from bench.results.stored_cell import ExampleTable, StoredCell, UnitCurve

QUARTILES = {"objective/q25": 25, "objective/median": 50, "objective/q75": 75}
TRUTH, RECONSTRUCTION = "pictures/truth", "pictures/reconstruction"
_POINTS = 200  # of a curve
# What a summary calls it, and its key. All other figures of a summary with an estimate are scores.
_NUMBERS = {
    "victims": "count/victims",
    "failures": "count/failures",
    "runs": "count/runs",
    "diverged": "count/diverged",
    "evaluations_per_victim": "cost/evaluations_per_victim",
    "seconds_per_victim": "cost/seconds_per_victim",
    "seconds_per_step": "cost/seconds_per_step",
    "slowdown": "cost/slowdown",
    "bytes_per_step": "cost/bytes_per_step",
    "epsilon": "cost/epsilon",
    "delta": "cost/delta",
}
_BOUNDS = {"": "mean", "_low": "low", "_high": "high"}
_PRIVATE = ("truth", "reconstruction")  # columns of the table


@dataclass(frozen=True)
class Content:
    """What is told of a cell.

    Args:
        scalars: the final figures, `{key: number}`.
        objective: `(evaluations, {objective/q25, objective/median, objective/q75})`, in order.
        pictures: the stored pictures by moment; empty if there are none or if they are to be left out.
        table: one row per private example, or per run of a training.
        table_key: the key of the table.
        words: `reasons` (why a figure is missing or leaves something out) and `results` (the cell's folder).
    """

    scalars: dict[str, float]
    objective: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    pictures: Pictures = field(default_factory=lambda: Pictures([], []))
    table: ExampleTable = field(default_factory=lambda: ExampleTable([], []))
    table_key: str = "table/victims"
    words: dict[str, Any] = field(default_factory=dict)

    @property
    def images(self) -> int:
        """How many images the content holds, those in the table included."""
        shown = [images for _, _, images in by_moment(self.pictures)]
        in_table = sum(isinstance(value, np.ndarray) for row in self.table.rows for value in row)
        return sum(len(images) for images in shown) + in_table


def content(cell: StoredCell, summary: Mapping[str, Any], *, private: bool = True) -> Content:
    """What is told of a cell.

    Args:
        cell: the cell.
        summary: its document.
        private: whether private examples and their reconstructions are told, as pictures and in words.
    """
    table = cell.examples()
    return Content(
        scalars=scalars(summary),
        objective=quartiles(cell.curves()),
        pictures=pictures(cell) if private else Pictures([], []),
        table=table if private else _without(table, _PRIVATE),
        table_key=f"table/{cell.units}",
        words={
            "reasons": dict(summary.get("reasons") or {}),
            "results": f"{cell.folder.parent.name}/{cell.folder.name}",
        },
    )


def scalars(summary: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a summary under their keys: `score/mse`, `score/mse_low`, `cost/seconds_per_victim`, ...

    A figure that does not exist has no key.
    """
    flat = {key: summary[name] for name, key in _NUMBERS.items() if _is_number(summary.get(name))}
    rates = {f"success_rate_{name}": rate for name, rate in (summary.get("success_rate") or {}).items()}
    for name, value in {**summary, **(summary.get("other") or {}), **rates}.items():
        if isinstance(value, Mapping) and _is_number(value.get("mean")):
            flat |= {f"score/{name}{end}": value[at] for end, at in _BOUNDS.items() if _is_number(value.get(at))}
    return flat


def quartiles(curves: Sequence[UnitCurve]) -> list[tuple[int, dict[str, float]]]:
    """The median and the quartiles over the units of a quantity that was stored at different moments.

    A unit counts at each moment with its latest value, so that one that has ended stays in the figures. A value that is
    not finite is left out.

    Returns:
        `(moment, {objective/q25, objective/median, objective/q75})` for at most 200 moments, in order.
    """
    kept = [[(at, value) for at, value in curve.points if np.isfinite(value)] for curve in curves]
    kept = [points for points in kept if points]
    times = np.unique([at for points in kept for at, _ in points]).astype(int)
    if len(times) > _POINTS:
        times = times[np.linspace(0, len(times) - 1, _POINTS).round().astype(int)]
    if not kept:
        return []
    values = np.stack([_latest(points, times) for points in kept])  # [units, moments]
    found = np.percentile(values, list(QUARTILES.values()), axis=0)
    return [(int(at), dict(zip(QUARTILES, map(float, found[:, place])))) for place, at in enumerate(times)]


def gray_levels(pixels: np.ndarray) -> np.ndarray:
    """An image `[C, H, W]` in [0, 1] as bytes: `[H, W, C]`, or `[H, W]` if it has one channel."""
    shown = np.nan_to_num(pixels.astype(np.float32)).clip(0, 1)
    return (shown * 255).round().astype(np.uint8).transpose(1, 2, 0).squeeze()


def by_moment(found: Pictures) -> list[tuple[str, int, list[StoredImage]]]:
    """The pictures as they are told: key, iteration and images; the truth stands before the reconstructions."""
    if not found.moments:
        return []
    truth = [(TRUTH, found.moments[0].iteration, found.truth)]
    return truth + [(RECONSTRUCTION, moment.iteration, moment.images) for moment in found.moments]


def _latest(points: list[tuple[int, float]], times: np.ndarray) -> np.ndarray:
    """The latest value at each of `times`; the first value before there is one."""
    places = np.searchsorted([at for at, _ in points], times, side="right") - 1
    return np.array([value for _, value in points])[places.clip(0)]


def _without(table: ExampleTable, columns: Sequence[str]) -> ExampleTable:
    kept = [place for place, name in enumerate(table.columns) if name not in columns]
    return ExampleTable(
        [table.columns[place] for place in kept], [[row[place] for place in kept] for row in table.rows]
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
