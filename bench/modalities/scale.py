"""The scale on which the leakage of a kind of data is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Values = Mapping[int, np.ndarray]  # the values of each victim's samples, {victim: [B]}


@dataclass(frozen=True)
class LeakageScale:
    """A scale from nothing to a complete leak, one number per victim.

    Args:
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
        hit: takes the values of `recovered`, of any shape, and returns which are successes (bool). NaN, which a failed
            victim left, is not a success.
        score_in_words: what the score is, for the notes below a table: "Leak: ... of the reconstructions".
        end_in_words: where the score ends: "It ends at ...".
        control_in_words: what the control is: "below at what ... scores, which looks at no gradient".
        rate_in_words: what the success rate counts, a sentence without its full stop.
    """

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
    score_in_words: str
    end_in_words: str
    control_in_words: str
    rate_in_words: str

    @property
    def header(self) -> str:
        """The words in brackets after the word "leak" in tables."""
        return self.unit or self.name


def mean_above(found: Values, floor: Values) -> np.ndarray:
    """The leakage in a metric from 0 to 1, such as ROUGE-1: per victim the mean of its samples, bounded from below.

    The lower bound is the score of the control on the same samples, because an attacker learns no less than without
    looking at a gradient.

    Args:
        found: the metric per victim, `{victim: [B]}`; NaN (no reconstruction) counts as 0.
        floor: the metric of the control per victim; a victim without one has the lower bound 0.

    Returns:
        `[n]`, one score per victim, in the order of their ids.
    """
    out = []
    for victim in sorted(found):
        lowest = np.nan_to_num(floor.get(victim, np.zeros_like(found[victim])))
        out.append(float(np.maximum(np.nan_to_num(found[victim]), lowest).mean()))
    return np.array(out)
