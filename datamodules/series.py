"""Real time series of several lengths and channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bench.datamodules.checks import check_word
from bench.datamodules.pool import Integers
from bench.datamodules.series_sets import SETS, resampled
from bench.datamodules.ts_file import Series, SeriesFile, read_ts
from bench.datamodules.value_pool import ValuePool
from bench.datamodules.values import ValueDataModule
from bench.datamodules.wheel_file import WheelFile
from bench.errors import UserError


@dataclass(eq=False, repr=False, kw_only=True)
class SeriesData(ValueDataModule):
    """Deals batches of time series `[V, B, C, T]`, standardised per channel.

    A share of the series is public, and no victim holds one of them. Mean and standard deviation of each channel, over
    the public series and all times, standardise the values; the mean over the public series at each time is what the
    control `mean` claims. Training and test part of the archive are one set here, because nothing is trained on it.

    The files lie in the wheel of aeon: they are read from the installed package, or from `ROOT/series`, into which
    `prepare()` puts those of all sets.

    Args:
        set: `ItalyPowerDemand`, `JapaneseVowels` or `BasicMotions` (see `bench.datamodules.series_sets`).
        root: see `ValueDataModule`.
        public_share: see `ValueDataModule`.

    Raises:
        UserError: see `ValueDataModule`; or `set` is none of these words.
    """

    modality: ClassVar[str] = "series"
    kind: ClassVar[str] = "series"
    package: ClassVar[str] = "aeon"

    def __post_init__(self) -> None:
        check_word("data.set", self.set, tuple(SETS))
        super().__post_init__()

    def files(self) -> list[WheelFile]:
        """See `ValueDataModule.files`."""
        return list(SETS[self.set].files)

    def all_files(self) -> list[WheelFile]:
        """See `ValueDataModule.all_files`."""
        return [file for one in SETS.values() for file in one.files]

    def load(self) -> ValuePool:
        """Reads the series, and keeps those that are not public.

        Raises:
            UserError: a file is damaged, or its series have several lengths where one is wanted.
        """
        read = [read_ts(self.checked(file)) for file in self.files()]
        values = self._values([series for part in read for series in part.series])
        public, private = self.divided(len(values))
        mean = values[public].mean((0, 2), keepdims=True)
        deviation = values[public].std((0, 2), keepdims=True)
        rows = ((values - mean) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)
        labels, names = self._labels(read)
        usual = rows[public].mean(0, dtype=np.float64).astype(np.float32)
        meaning = f"{mean.flatten().tolist()} {deviation.flatten().tolist()}"
        return ValuePool(rows[private], labels[private], len(names), names, usual, meaning)

    def _values(self, series: list[Series]) -> npt.NDArray[np.float64]:
        """The series as one array `[N, C, T]`, float64."""
        times = SETS[self.set].times
        if times is not None:
            return np.stack([resampled(one, times) for one in series])
        if len({one.shape for one in series}) != 1:
            raise UserError(f"{self._folder}: the series of '{self.set}' have several lengths")
        return np.stack(series)

    def _labels(self, read: list[SeriesFile]) -> tuple[Integers, tuple[str, ...]]:
        """The classes `[N]`, int64, and their names in words."""
        declared = read[0].class_names
        numbers = [declared.index(label) for part in read for label in part.labels]
        meaning = SETS[self.set].meaning
        return np.array(numbers, dtype=np.int64), tuple(meaning.get(name, name) for name in declared)
