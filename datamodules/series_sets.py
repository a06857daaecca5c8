"""The sets of time series that `data=series` reads: their files in a wheel, and what their classes mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.datamodules.wheel_file import Wheel, WheelFile

# The wheel holds Python code and data; only the data are read.
AEON = Wheel("aeon", "1.6.0", "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409")


@dataclass(frozen=True)
class SeriesSet:
    """A set of `data=series`.

    Args:
        files: in a wheel: the archive's training part, then its test part.
        times: T, to which each series is resampled; None if all have the same length already.
        meaning: `{name of a class in the file: in words}`; a class that is not named here keeps its name.
    """

    files: tuple[WheelFile, ...]
    times: int | None
    meaning: Mapping[str, str]


def _files(name: str, train: str, test: str) -> tuple[WheelFile, ...]:
    parts = {"TRAIN": train, "TEST": test}
    return tuple(
        WheelFile(AEON, f"aeon/datasets/data/{name}/{name}_{part}.ts", digest) for part, digest in parts.items()
    )


SETS = {
    "ItalyPowerDemand": SeriesSet(
        _files(
            "ItalyPowerDemand",
            "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c",
            "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144",
        ),
        None,
        {"1": "October to March", "2": "April to September"},
    ),
    "JapaneseVowels": SeriesSet(
        _files(
            "JapaneseVowels",
            "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
            "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
        ),
        16,  # about the mean length of its utterances, which have 7 to 29 frames
        {str(speaker): f"speaker {speaker}" for speaker in range(1, 10)},
    ),
    "BasicMotions": SeriesSet(
        _files(
            "BasicMotions",
            "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
            "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
        ),
        None,
        {},
    ),
}


def resampled(series: npt.NDArray[np.float64], times: int) -> npt.NDArray[np.float64]:
    """Linear interpolation of each channel at equally spaced times, the first and the last value among them.

    Args:
        series: `[C, T]`, T >= 1.
        times: how many values the result has, >= 2.

    Returns:
        `[C, times]`.

    Example:
        >>> resampled(np.array([[0.0, 2.0, 6.0]]), 5).tolist()
        [[0.0, 1.0, 2.0, 4.0, 6.0]]
    """
    at = np.linspace(0, series.shape[1] - 1, times)
    return np.stack([np.interp(at, np.arange(series.shape[1]), channel) for channel in series])
