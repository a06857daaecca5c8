"""How much came back of each victim, on one scale: decibels between nothing and all that matters."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bench.results import intervals, query
from bench.results.query import Rows
from bench.results.store import Cell

# An MSE at or below the strictest of iDLG's thresholds is a complete leak: 50 dB is none the better for the attacker.
COMPLETE = 1e-4
SUCCESS = 1e-2


@dataclass(frozen=True)
class Leak:
    """One attack on one defence.

    Args:
        cell: where it comes from.
        attack: its name.
        victims: ids, sorted.
        score: `[n]`, see `scores`.
        success: share of images with an MSE at or below 1e-2, a failed victim being no success.
    """

    cell: Cell
    attack: str
    victims: tuple[int, ...]
    score: np.ndarray
    success: intervals.Interval

    @property
    def mean(self) -> float:
        """Of the score, dB."""
        return float(self.score.mean())

    def interval(self) -> intervals.Interval:
        """The mean score with its bootstrap interval over victims."""
        return intervals.mean(self.score, self.victims)


def errors(rows: Rows) -> dict[int, np.ndarray]:
    """`{victim: MSE [B]}`, clipped to [0, 1] pixels; NaN where a victim left no reconstruction."""
    out = {
        victim: np.full(size, np.nan)
        for victim, size in zip(rows.victims["victim"].to_pylist(), rows.victims["batch_size"].to_pylist())
    }
    if "mse" in rows.samples.column_names:
        for row in rows.samples.select(["victim", "position", "mse"]).to_pylist():
            out[row["victim"]][row["position"]] = np.nan if row["mse"] is None else row["mse"]
    return out


def scores(found: Mapping[int, np.ndarray], floor: Mapping[int, np.ndarray]) -> np.ndarray:
    """`[n]`, one a victim in the order of their ids: the mean PSNR of its images, between two bounds.

    Above, 40 dB (MSE 1e-4), which is a complete leak. Below, what the mean image of the data set scores, which looks at
    no gradient: noise that is further from the truth than that tells an attacker no less.

    Args:
        found: `{victim: MSE [B]}`.
        floor: likewise, of the mean image; a victim without one has 0 dB.
    """
    out = []
    for victim in sorted(found):
        lowest = floor.get(victim, np.ones_like(found[victim]))
        error = np.clip(np.nan_to_num(found[victim], nan=1.0), COMPLETE, np.clip(lowest, COMPLETE, 1.0))
        out.append(float((-10 * np.log10(error)).mean()))
    return np.array(out)


def leak(cell: Cell, floor: Mapping[int, np.ndarray], rows: Rows | None = None) -> Leak | None:
    """What leaked in a cell; None where it has no victims.

    Args:
        floor: see `scores`.
        rows: of the cell, if they have been read.
    """
    found = errors(rows or query.rows(cell))
    if not found:
        return None
    victims = sorted(found)
    hits = np.concatenate([np.nan_to_num(found[v], nan=1.0) <= SUCCESS for v in victims]).astype(float)
    owners = np.repeat(victims, [len(found[v]) for v in victims])
    attack = cell.facts["labels"]["attack"]
    return Leak(cell, attack, tuple(victims), scores(found, floor), intervals.rate(hits, owners))
