"""The leakage of each victim as one number on a scale, from nothing to a complete leak."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.modalities.lookup import modality_of
from bench.modalities.scale import LeakageScale, Values
from bench.results import intervals, query
from bench.results.query import Rows
from bench.results.scores import Score, recovered, score
from bench.results.stored_leak import ENDED_WELL, StoredLeak


@dataclass(frozen=True)
class LeakageScore:
    """The leakage under one attack on one defence.

    Args:
        cell: the cell that it was computed from.
        attack: the name of the attack.
        victims: the ids of the victims, sorted.
        score: `[n]`, the score per victim (see `bench.modalities.scale`); a failed victim has the floor.
        recovered: `[n]`, bool: whether at least half of a victim's samples were recovered.
        success: the share of samples that were recovered, as the scale says. A failed victim counts as no success.
        failed: the number of failed victims.
        rows: the rows of the cell.
    """

    cell: StoredLeak
    attack: str
    victims: tuple[int, ...]
    score: np.ndarray
    recovered: np.ndarray
    success: intervals.Interval
    failed: int
    rows: Rows

    @property
    def mean(self) -> float:
        """The mean of the score over the victims, in the unit of the scale."""
        return float(self.score.mean())

    @functools.cached_property
    def figure(self) -> Score:
        """The mean score, with its interval over victims or with the medians of its two groups."""
        return score(self.score, np.array(self.victims), self.recovered, bounds=scale_of(self.cell).bounds)


def values(rows: Rows, column: str, failed: bool = False) -> dict[int, np.ndarray]:
    """The values of one metric per victim, `{victim: [B]}`; NaN for a sample without a reconstruction.

    Args:
        rows: the rows of a cell.
        column: the metric.
        failed: whether a failed victim keeps the values of what it left, as a picture shows them; else they are NaN.
    """
    ids, sizes = (rows.victims[name].to_numpy() for name in ("victim", "batch_size"))
    ends = np.cumsum(sizes)
    flat = np.full(ends[-1] if len(ends) else 0, np.nan)
    if column in rows.samples.column_names and len(ids):
        victims, positions, found = (rows.samples[name].to_numpy() for name in ("victim", "position", column))
        order = np.argsort(ids)
        at = order[np.searchsorted(ids, victims, sorter=order)]  # the row of each sample's victim
        flat[(ends - sizes)[at] + positions] = found  # Arrow's null is NaN here
    if not failed:
        ended = np.isin(rows.victims["status"].to_numpy(), list(ENDED_WELL))
        flat[np.repeat(~ended, sizes)] = np.nan
    return {victim: flat[end - size : end] for victim, end, size in zip(ids.tolist(), ends.tolist(), sizes.tolist())}


def per_victim(found: Values, function: Callable[[np.ndarray], np.ndarray]) -> dict[int, float]:
    """A number per victim from its values, in the order of `found`; victims with batches of one size are one call.

    Args:
        found: `{victim: [B]}`.
        function: from `[n, B]`, a row per victim, to `[n]`.
    """
    by_size: dict[int, list[int]] = {}
    for victim, own in found.items():
        by_size.setdefault(len(own), []).append(victim)
    known: dict[int, float] = {}
    for victims in by_size.values():
        known |= zip(victims, function(np.stack([found[victim] for victim in victims])).tolist())
    return {victim: known[victim] for victim in found}


def errors(rows: Rows) -> dict[int, np.ndarray]:
    """The MSE per victim, `{victim: [B]}`, of pixels clipped to [0, 1]; NaN for a sample without a reconstruction."""
    return values(rows, "mse", failed=True)


def scale_of(cell: StoredLeak) -> LeakageScale:
    """The scale on which the leakage of this cell is measured."""
    return modality_of(cell.facts).scale


def scored(cell: StoredLeak, rows: Rows) -> bool:
    """Whether the metrics on which the leakage of the cell is measured are among its rows."""
    scale = scale_of(cell)
    return not len(rows.samples) or {scale.column, scale.recovered} <= set(rows.samples.column_names)


def leak(cell: StoredLeak, floor: Values, rows: Rows | None = None) -> LeakageScore | None:
    """The leakage of a cell; None if it has no victims, or if the metric of the scale was not computed.

    Args:
        cell: the cell.
        floor: the values of the scale's control in the scale's column, `{victim: [B]}`.
        rows: the rows of the cell, if they have been read already.
    """
    scale, stored = scale_of(cell), rows or query.rows(cell)
    found = values(stored, scale.column)
    if not found or not scored(cell, stored):
        return None
    victims = sorted(found)
    came_back = values(stored, scale.recovered)
    hits = np.concatenate([scale.hit(came_back[v]) for v in victims])
    owners = np.repeat(victims, [len(found[v]) for v in victims])
    return LeakageScore(
        cell=cell,
        attack=cell.facts["labels"]["attack"],
        victims=tuple(victims),
        score=scale.score(found, floor),
        recovered=recovered(hits, owners)[np.unique(owners, return_index=True)[1]],
        success=intervals.rate(hits.astype(float), owners),
        failed=sum(word not in ENDED_WELL for word in stored.victims["status"].to_pylist()),
        rows=stored,
    )
