"""A score over victims: one figure with its interval; of victims recovered and others not, a median of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.results import intervals
from bench.results.intervals import Interval

RECOVERED, OTHERS = "recovered", "others"


@dataclass(frozen=True)
class Score:
    """A score of a cell.

    Args:
        figure: the mean or geometric mean; without bounds where there are `groups`.
        median: over victims.
        groups: the median of the victims that were recovered and that of the others; empty where all are alike.
        left_out: samples that have no finite value.
    """

    figure: Interval
    median: Interval
    groups: dict[str, Interval]
    left_out: int

    def document(self) -> dict[str, Any]:
        """The figure's `{mean, low, high, n, estimand, method}` with `median`, `groups` (null: one) and `left_out`."""
        groups = {name: group.document() for name, group in self.groups.items()}
        more = {"median": self.median.document(), "groups": groups or None, "left_out": self.left_out}
        return {**self.figure.document(), **more}


def recovered(hits: np.ndarray, victims: np.ndarray) -> np.ndarray:
    """`[N]`, bool: whether at least half of the samples of a sample's victim came back.

    Args:
        hits: `[N]`, bool: of each sample; of a failed victim none.
        victims: `[N]`, which victim each belongs to.

    Example:
        >>> recovered(np.array([True, False, False, False]), np.array([0, 0, 1, 1])).tolist()
        [True, True, False, False]
    """
    _, groups = np.unique(victims, return_inverse=True)
    return (np.bincount(groups, weights=hits) >= np.bincount(groups) / 2)[groups]


def score(
    values: np.ndarray,
    victims: np.ndarray,
    found: np.ndarray | None,
    geometric: bool = False,
    bounds: tuple[float | None, float | None] = (None, None),
) -> Score:
    """The score of a cell.

    Args:
        values: `[N]`, one a sample; those that are not finite are left out, and at least one has to be.
        victims: `[N]`, which victim each belongs to.
        found: `[N]`, bool, see `recovered`; None where nobody knows.
        geometric: whether the figure is the geometric mean; else the arithmetic one.
        bounds: the lowest and the highest value there can be.
    """
    kept = np.isfinite(values)
    values, victims = values[kept], victims[kept]
    groups: dict[str, Interval] = {}
    if found is not None and 0 < (came := found[kept]).sum() < len(came):
        parts = ((RECOVERED, came), (OTHERS, ~came))
        groups = {name: intervals.median(values[part], victims[part]) for name, part in parts}
    if geometric:
        mean = intervals.geometric_mean(values, victims)
    else:
        mean = intervals.mean(values, victims, bounds, bounded=not groups)
    figure = Interval(mean.mean, None, None, mean.n, mean.estimand) if groups else mean
    return Score(figure, intervals.median(values, victims), groups, int((~kept).sum()))
