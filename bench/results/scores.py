"""A score over victims: one figure with its interval, or the medians of the recovered victims and of the others."""

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
        figure: the mean or the geometric mean; it has no interval if there are `groups`.
        median: the median over victims.
        groups: the median of the recovered victims and that of the others; empty if all victims are of one group.
        left_out: the number of samples without a finite value.
    """

    figure: Interval
    median: Interval
    groups: dict[str, Interval]
    left_out: int

    def document(self) -> dict[str, Any]:
        """The score as a mapping that JSON can hold.

        It has the figure's `mean`, `low`, `high`, `n`, `estimand` and `method`, and `median`, `groups` (null if there
        is one group) and `left_out`.
        """
        groups = {name: group.document() for name, group in self.groups.items()}
        more = {"median": self.median.document(), "groups": groups or None, "left_out": self.left_out}
        return {**self.figure.document(), **more}


def recovered(hits: np.ndarray, victims: np.ndarray) -> np.ndarray:
    """Per sample, whether its victim was recovered: at least half of the victim's samples were. `[N]`, bool.

    Args:
        hits: `[N]`, bool: whether each sample was recovered; false for the samples of a failed victim.
        victims: `[N]`, the victim that each sample belongs to.

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
    """Computes the score of a cell.

    Args:
        values: `[N]`, one value per sample. Values that are not finite are left out; at least one has to be finite.
        victims: `[N]`, the victim that each value belongs to.
        found: `[N]`, bool, the result of `recovered`; None if no metric says which samples were recovered.
        geometric: whether the figure is the geometric mean; otherwise it is the arithmetic mean.
        bounds: the lowest and the highest possible value.
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
