"""How much came back of each victim, on one scale: between nothing and all that matters."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.results import intervals, query
from bench.results.query import Rows
from bench.results.scores import Score, recovered, score
from bench.results.stored_leak import ENDED_WELL, StoredLeak
from bench.results.things import IMAGES, SENTENCES, things

# An MSE at or below the strictest of iDLG's thresholds is a complete leak: 50 dB is none the better for the attacker.
COMPLETE = 1e-4
SUCCESS = 1e-2

Values = Mapping[int, np.ndarray]  # {victim: [B]}


@dataclass(frozen=True)
class LeakageScale:
    """What a leak is measured in.

    Args:
        things: what came back, `images` or `sentences`.
        name, unit, places: as tables print it.
        column: of the samples, what the score is made of.
        recovered: of the samples, what the rate is made of.
        control: the attack that looks at no gradient and bounds the score from below.
        columns: names in the csv, of the score and of the rate.
        bounds: the lowest and the highest score there can be.
        score: `(values of column, those of the control)` -> `[n]`, one a victim in the order of their ids.
        hit: `[B]` of `recovered` -> `[B]`, bool; what a failed victim left (NaN) is none.
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
        """What stands in brackets behind the word leak."""
        return self.unit or self.name


@dataclass(frozen=True)
class LeakageScore:
    """One attack on one defence.

    Args:
        cell: where it comes from.
        attack: its name.
        victims: ids, sorted.
        score: `[n]`, see `LeakageScale`; of a failed victim the floor.
        recovered: `[n]`, bool: whether at least half of a victim's samples came back.
        success: share of images with an MSE at or below 1e-2, or of sentences recovered token for token; a failed
            victim is no success.
        failed: how many victims failed.
        rows: of the cell.
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
        """Of the score."""
        return float(self.score.mean())

    @functools.cached_property
    def figure(self) -> Score:
        """The mean score, with its interval over victims or with the medians of its two groups."""
        return score(self.score, np.array(self.victims), self.recovered, bounds=scale_of(self.cell).bounds)


def values(rows: Rows, column: str, failed: bool = False) -> dict[int, np.ndarray]:
    """`{victim: [B]}` of one metric; NaN where a victim left no reconstruction.

    Args:
        rows: of a cell.
        column: the metric.
        failed: whether what a failed victim left counts all the same (a picture shows it); else it is NaN too.
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
    """`{victim: MSE [B]}` of what came back, clipped to [0, 1] pixels; NaN where a victim left no reconstruction."""
    return values(rows, "mse", failed=True)


def scores(found: Values, floor: Values) -> np.ndarray:
    """`[n]`, one a victim in the order of their ids: the mean PSNR of its images, between two bounds.

    A failed victim (NaN) has the lower one: it gives an attacker what the control has.

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


def words_in_common(found: Values, floor: Values) -> np.ndarray:
    """`[n]`, one a victim in the order of their ids: the mean ROUGE-1 of its sentences, between two bounds.

    Above, 1: every word. Below, what tokens drawn at random score on the same sentences, which look at no gradient.

    Args:
        found: `{victim: ROUGE-1 [B]}`; NaN, where there is no reconstruction, is 0.
        floor: likewise, of the drawn tokens; a victim without them has 0.
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
    """What a leak of this cell is measured in."""
    return SCALES[things(cell.facts)]


def leak(cell: StoredLeak, floor: Values, rows: Rows | None = None) -> LeakageScore | None:
    """What leaked in a cell; None where it has no victims.

    Args:
        floor: the scale's column of its control, `{victim: [B]}`.
        rows: of the cell, if they have been read.
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
