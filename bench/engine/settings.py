"""How the engine runs: nothing here changes what is computed but `dtype`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from bench.engine.state import Progress

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass
class Engine:
    """Settings of the loop.

    Args:
        chunk: victims worked on at once.
        precision: `float32` or `float64`, of dummies, gradients and history.
        watch: called after each evaluation with the progress; None for nobody.

    Raises:
        ValueError: an argument is out of its range.
    """

    chunk: int
    precision: str
    watch: Callable[[Progress], None] | None = None

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise ValueError(f"chunk={self.chunk}: must be >= 1 (victims worked on at once)")
        if self.precision not in _DTYPES:
            raise ValueError(f"dtype={self.precision!r}: want {' or '.join(_DTYPES)}")

    @property
    def dtype(self) -> torch.dtype:
        """The torch type of that name."""
        return _DTYPES[self.precision]
