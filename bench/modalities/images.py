"""Images: `[V, B, C, H, W]` in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from bench.modalities.base import Modality
from bench.modalities.scale import LeakageScale, Values

# An MSE at or below the strictest of iDLG's thresholds is a complete leak: 50 dB tells the attacker no more than 40 dB.
COMPLETE = 1e-4
SUCCESS = 1e-2


def decibels(found: Values, floor: Values) -> np.ndarray:
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
    victims = sorted(found)
    errors, sizes = [found[victim] for victim in victims], [len(found[victim]) for victim in victims]
    lowest = [floor.get(victim, np.ones(size)) for victim, size in zip(victims, sizes)]
    highest_error = np.clip(np.concatenate(lowest), COMPLETE, 1.0)
    kept = np.clip(np.nan_to_num(np.concatenate(errors), nan=1.0), COMPLETE, highest_error)
    owners = np.repeat(np.arange(len(victims)), sizes)
    return np.bincount(owners, -10 * np.log10(kept)) / sizes


class ImageModality(Modality):
    """Images, whose pixels are compared."""

    name = "images"
    noun = "image"
    metric = "image"
    model = "lenet"
    scale = LeakageScale(
        name="PSNR",
        unit="dB",
        places=1,
        column="mse",
        recovered="mse",
        control="mean",
        columns=("leak_db", "success_1e-2"),
        bounds=(0.0, 40.0),
        score=decibels,
        hit=lambda error: np.nan_to_num(error, nan=1.0) <= SUCCESS,
        score_in_words="PSNR",
        end_in_words=f"40 dB (MSE {COMPLETE:g}: nothing is left to hide)",
        control_in_words="the data set's mean image",
        rate_in_words=f"share of images that came back with an MSE at or below {SUCCESS:g}",
    )
    ranking = (("mse", "down"),)
    success: ClassVar[Mapping[str, float]] = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}
    squared = True
    trainable = True
    claimed = True

    @property
    def heading(self) -> str:
        """Boards of images are the usual ones, so only others say what they are about."""
        return "Threat model"


MODALITY = ImageModality()
