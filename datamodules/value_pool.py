"""All rows of a table, or all time series of a set, in memory, with their fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.datamodules.pool import Integers

Values = npt.NDArray[Any]  # float32; `ValuePool` checks it


@dataclass(eq=False)
class ValuePool:
    """The examples that victims are dealt from: numbers without bounds.

    Args:
        values: `[N, ...]`, float32, finite.
        labels: `[N]`, int64.
        classes: number of classes of the full dataset; None if there are none.
        class_names: one name per class, or None if they are not known.
        usual: `[...]`, float32, the most usual example of the public ones: their mean, and their most frequent
            categories.
        meaning: a word that is equal for two pools only if their numbers mean the same, such as the names of columns.

    Raises:
        ValueError: shapes or types disagree, or a number is not finite (an error of the reader, not of the user's
            data).
    """

    values: Values
    labels: Integers
    classes: int | None
    class_names: tuple[str, ...] | None
    usual: Values
    meaning: str

    def __post_init__(self) -> None:
        if self.values.dtype != np.float32 or self.usual.dtype != np.float32 or not np.isfinite(self.values).all():
            raise ValueError(f"values: want finite float32, got {self.values.dtype} and {self.usual.dtype}")
        if self.usual.shape != self.values.shape[1:]:
            raise ValueError(f"usual: want {list(self.values.shape[1:])}, got {list(self.usual.shape)}")
        if self.labels.shape != self.values.shape[:1] or self.labels.dtype != np.int64:
            raise ValueError(f"labels: want [{len(self.values)}] int64, got {self.labels.shape} {self.labels.dtype}")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.values.shape[1:]

    def inputs(self, samples: Integers) -> Tensor:
        """Returns the examples `samples` (of any shape `[...]`) as float32 `[..., *shape]`."""
        return torch.from_numpy(self.values[samples])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all numbers and labels, their layout, the number of classes and what the numbers mean."""
        digest = hashlib.sha256(f"{self.values.shape} {self.classes} {self.meaning};".encode())
        for array in (self.values, self.labels, self.usual):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
