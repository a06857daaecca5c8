"""Time series: `[V, B, C, T]`, standardised per channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.modalities.base import Modality
from bench.modalities.scale import LeakageScale, Values, mean_above
from bench.modalities.wording import record_words

if TYPE_CHECKING:
    from torch import Tensor

    from bench.messages.reconstruction import Reconstruction
    from bench.messages.victims import Victims
    from bench.metrics.base import SampleMetric
    from bench.metrics.scorer import Scorer, Scores
    from bench.models.text.tokenizer import Tokenizer

SUCCESS = 0.1  # relative error: 99 % of the energy is explained
_SHOWN = 24  # values of the first channel


def explained(found: Values, floor: Values) -> np.ndarray:
    """The leakage of series: per victim the mean share of their energy that is explained, in [0, 1].

    The share of a series is 1 - e^2 with its relative error e, and 0 if e is above 1. The lower bound is the share of
    the control, because an attacker learns no less than without looking at a gradient.

    Args:
        found: the relative error per victim, `{victim: [B]}`; NaN (no reconstruction) counts as 1.
        floor: the relative error of the control per victim; a victim without one has the lower bound 0.

    Returns:
        `[n]`, one score per victim, in the order of their ids.
    """
    return mean_above(_shares(found), _shares(floor))


def _shares(errors: Values) -> dict[int, np.ndarray]:
    return {victim: 1 - np.clip(np.nan_to_num(error, nan=1.0), 0, 1) ** 2 for victim, error in errors.items()}


def in_words(series: Tensor) -> str:
    """The first 24 values of the first channel of a series `[C, T]`, in standard deviations, and how many there are."""
    channels, times = series.shape
    values = " ".join(f"{value:.1f}" for value in series[0, :_SHOWN].tolist())
    more = " …" if times > _SHOWN else ""
    return f"{values}{more}" if channels == 1 else f"channel 1 of {channels}: {values}{more}"


class SeriesModality(Modality):
    """Time series, whose values are compared."""

    name = "series"
    noun = "series"
    metric = "series"
    model = "lenet_series"
    scale = LeakageScale(
        name="explained",
        unit="",
        places=3,
        column="series_error",
        recovered="series_error",
        control="mean",
        columns=("leak_explained", "series_recovered"),
        bounds=(0.0, 1.0),
        score=explained,
        hit=lambda error: np.nan_to_num(error, nan=np.inf) <= SUCCESS,
        score_in_words="share of the series' energy that is explained, 1 - (relative error)^2,",
        end_in_words="1",
        control_in_words="the mean of the public series at each time",
        rate_in_words=f"share of series that came back with a relative error at or below {SUCCESS:g}",
    )
    ranking = (("series_error", "down"),)
    groups = ("scores", "labels", "costs")
    by_batch = True
    meaningless = (*Modality.meaningless, "public_images")
    linked = ("series", "series")

    def describe_shape(self, shape: tuple[int, ...]) -> str:
        """The shape `(C, T)` in words: `6 channels of 100 times`."""
        channels, times = shape
        return f"{channels} channel{'s' if channels > 1 else ''} of {times} times"

    def scorer(self, metrics: Mapping[str, SampleMetric], tokenizer: Tokenizer | None) -> Scorer:
        """What compares series with the private ones; see `Modality.scorer`."""
        from bench.metrics.series.scorer import SeriesScorer

        return SeriesScorer(metrics)

    def record(
        self, rows: list[dict[str, Any]], guess: Reconstruction, truth: Victims, scores: Scores, kept: Tensor
    ) -> dict[str, np.ndarray] | None:
        """Adds the first values to their rows, and returns the curve of the objective; see `Modality.record`."""
        return record_words(rows, guess, truth, scores, kept, in_words)


MODALITY = SeriesModality()
