"""How the engine runs: nothing here changes what is computed but the precision and, by rounding, the chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from bench.engine.state import Progress
from bench.engine.tuning import Tuned

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass
class EngineSettings:
    """Settings of the loop, and what was found out about the work at hand.

    Args:
        chunk: victims worked on at once; None for as many as suit the shape of the work (`bench.engine.tuning`).
        threads: of the processor; None to find out.
        compile: whether the matching function is compiled; None where the work is large enough to earn it.
        precision: `float32` or `float64`, of dummies, gradients and history.
        victims: how many there are to do in all, as far as is known.
        watch: called after each evaluation with the progress; None for nobody.
        notice: told, in one line, of what had to be done otherwise than asked for.
        tuned: `{what kind of work: how it is done}`; kept between blocks of victims, so that a cell is compiled once.

    Raises:
        ValueError: an argument is out of its range.
    """

    chunk: int | None
    threads: int | None
    compile: bool | None
    precision: str
    victims: int = 0
    watch: Callable[[Progress], None] | None = None
    notice: Callable[[str], None] = field(default=lambda sentence: None)
    tuned: dict[object, Tuned] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.chunk is not None and self.chunk < 1:
            raise ValueError(
                f"chunk={self.chunk}: must be >= 1 (victims worked on at once), or null for what suits the model"
            )
        if self.precision not in _DTYPES:
            raise ValueError(f"dtype={self.precision!r}: want {' or '.join(_DTYPES)}")

    @property
    def dtype(self) -> torch.dtype:
        """The torch type of that name."""
        return _DTYPES[self.precision]
