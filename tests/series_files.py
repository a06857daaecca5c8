"""A small set of time series in files, which `data=series` reads like those of the wheel."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bench.datamodules import series_sets
from bench.datamodules.series_sets import SeriesSet
from bench.datamodules.wheel_file import Wheel, WheelFile

HEADER = "@problemName Toy\n@timeStamps false\n@univariate false\n@dimensions 2\n@classLabel true 1 2\n@data\n"


def values(count: int, seed: int) -> np.ndarray:
    """Two channels of 8 times of different levels, `[N, 2, 8]`."""
    drawn = np.random.default_rng(seed).normal(size=(count, 2, 8))
    return np.round(drawn * [[2.0], [5.0]] + [[10.0], [-3.0]], 6)


def write_toy(root: Path, monkeypatch: pytest.MonkeyPatch, times: int | None = None) -> np.ndarray:
    """Writes the set `toy` into `root/series` and makes it known; returns its 30 series, labels alternate."""
    folder = root / "series"
    folder.mkdir(parents=True)
    parts, files = (values(20, 0), values(10, 1)), []
    for name, part in zip(("toy_TRAIN.ts", "toy_TEST.ts"), parts):
        lines = [
            ":".join([",".join(map(str, channel)) for channel in one] + [str(1 + i % 2)]) for i, one in enumerate(part)
        ]
        (folder / name).write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        files.append(WheelFile(Wheel("no-such-package", "1", ""), name, digest))
    monkeypatch.setitem(series_sets.SETS, "toy", SeriesSet(tuple(files), times, {"2": "second"}))
    return np.concatenate(parts)
