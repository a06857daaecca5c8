"""The leakage of each victim as one number on a scale, from nothing to a complete leak."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.results import intervals, query
from bench.results.query import Rows
from bench.results.scores import Score, recovered, score
from bench.results.stored_leak import ENDED_WELL, StoredLeak
from bench.results.things import IMAGES, SENTENCES, things

# An MSE at or below the strictest of iDLG's thresholds is a complete leak: 50 dB tells the attacker no more than 40 dB.
COMPLETE = 1e-4
SUCCESS = 1e-2

Values = Mapping[int, np.ndarray]  # per victim the values of its samples, {victim: [B]}


@dataclass(frozen=True)
class LeakageScale:
    """The scale on which the leakage of a kind of data is measured.

    Args:
        things: the kind of data, `images` or `sentences`.
        name: the name of the score in tables.
        unit: its unit; empty if it has none.
        places: the number of decimal places in tables.
        column: the column of the samples from which the score is computed.
        recovered: the column of the samples from which the success rate is computed.
        control: the attack that looks at no gradient and bounds the score from below.
        columns: the names in the CSV file of the score and of the success rate.
        bounds: the lowest and the highest possible score.
        score: takes the values of `column` and those of the control, and returns the scores `[n]`, one per victim in
            the order of their ids.
        hit: takes the values `[B]` of `recovered` and returns which are successes, `[B]`, bool. NaN, which a failed
            victim left, is not a success.
    """

    things: str
    name: str
    unit: str
    places: int
    column: str
    recovered: str
    control: str
    columns: tuple[str, str]
    bounds: tuple[float, float]
    score: Callable[[Values, Values], np.ndarray]
    hit: Callable[[np.ndarray], np.ndarray]

    @property
    def header(self) -> str:
        """The words in brackets after the word "leak" in tables."""
        return self.unit or self.name


@dataclass(frozen=True)
class LeakageScore:
    """The leakage under one attack on one defence.

    Args:
        cell: the cell that it was computed from.
        attack: the name of the attack.
        victims: the ids of the victims, sorted.
        score: `[n]`, the score per victim (see `LeakageScale`); a failed victim has the floor.
        recovered: `[n]`, bool: whether at least half of a victim's samples were recovered.
        success: the share of images with an MSE at or below 1e-2, or of sentences recovered token for token. A failed
            victim counts as no success.
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
    columns = [rows.victims[name].to_pylist() for name in ("victim", "batch_size", "status")]
    out = {victim: np.full(size, np.nan) for victim, size, _ in zip(*columns)}
    kept = {victim for victim, _, word in zip(*columns) if failed or word in ENDED_WELL}
    if column in rows.samples.column_names:
        found = (rows.samples[name].to_pylist() for name in ("victim", "position", column))
        for victim, position, value in zip(*found):
            if value is not None and victim in kept:
                out[victim][position] = value
    return out


def errors(rows: Rows) -> dict[int, np.ndarray]:
    """The MSE per victim, `{victim: [B]}`, of pixels clipped to [0, 1]; NaN for a sample without a reconstruction."""
    return values(rows, "mse", failed=True)


def scores(found: Values, floor: Values) -> np.ndarray:
    """The leakage of images: per victim the mean PSNR [dB] of its images, clipped to two bounds.

    The upper bound is 40 dB (MSE 1e-4), which is a complete leak. The lower bound is the score of the mean image of the
    data set, which looks at no gradient: an attacker learns no less from it than from noise that is further away. A
    failed victim (NaN) has the lower bound, because the control gives an attacker as much.

    Args:
        found: the MSE per victim, `{victim: [B]}`.
        floor: the MSE of the mean image per victim; a victim without one has the lower bound 0 dB.

    Returns:
        `[n]`, one score per victim, in the order of their ids.
    """
    out = []
    for victim in sorted(found):
        lowest = floor.get(victim, np.ones_like(found[victim]))
        error = np.clip(np.nan_to_num(found[victim], nan=1.0), COMPLETE, np.clip(lowest, COMPLETE, 1.0))
        out.append(float((-10 * np.log10(error)).mean()))
    return np.array(out)


def words_in_common(found: Values, floor: Values) -> np.ndarray:
    """The leakage of sentences: per victim the mean ROUGE-1 of its sentences, bounded from below.

    The highest score is 1: every word. The lower bound is the score of tokens drawn at random, which look at no
    gradient, on the same sentences.

    Args:
        found: the ROUGE-1 per victim, `{victim: [B]}`; NaN (no reconstruction) counts as 0.
        floor: the ROUGE-1 of the drawn tokens per victim; a victim without them has the lower bound 0.

    Returns:
        `[n]`, one score per victim, in the order of their ids.
    """
    out = []
    for victim in sorted(found):
        lowest = np.nan_to_num(floor.get(victim, np.zeros_like(found[victim])))
        out.append(float(np.maximum(np.nan_to_num(found[victim]), lowest).mean()))
    return np.array(out)


SCALES = {
    IMAGES: LeakageScale(
        things=IMAGES,
        name="PSNR",
        unit="dB",
        places=1,
        column="mse",
        recovered="mse",
        control="mean",
        columns=("leak_db", "success_1e-2"),
        bounds=(0.0, 40.0),
        score=scores,
        hit=lambda error: np.nan_to_num(error, nan=1.0) <= SUCCESS,
    ),
    SENTENCES: LeakageScale(
        things=SENTENCES,
        name="ROUGE-1",
        unit="",
        places=3,
        column="rouge_1",
        recovered="exact_match",
        control="noise",
        columns=("leak_rouge_1", "exact_match"),
        bounds=(0.0, 1.0),
        score=words_in_common,
        hit=lambda exact: np.nan_to_num(exact) == 1,
    ),
}


def scale_of(cell: StoredLeak) -> LeakageScale:
    """The scale on which the leakage of this cell is measured."""
    return SCALES[things(cell.facts)]


def leak(cell: StoredLeak, floor: Values, rows: Rows | None = None) -> LeakageScore | None:
    """The leakage of a cell; None if it has no victims.

    Args:
        cell: the cell.
        floor: the values of the scale's control in the scale's column, `{victim: [B]}`.
        rows: the rows of the cell, if they have been read already.
    """
    scale, stored = scale_of(cell), rows or query.rows(cell)
    found = values(stored, scale.column)
    if not found:
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
