"""Settings of the engine. They change results only by rounding: through the precision, the chunk and compilation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from bench.engine.allowance import Affords, always
from bench.engine.state import Progress
from bench.engine.tuning import Tuned

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def width(precision: str) -> int:
    """The bytes that a number takes in this precision, `float32` or `float64`."""
    return _DTYPES[precision].itemsize


@dataclass
class EngineSettings:
    """Settings of the loop, and what was measured or decided about the work at hand.

    Args:
        chunk: victims worked on at once, >= 1; None for a number that suits the shape of the work
            (`bench.engine.tuning`).
        threads: processor threads; None to let the engine decide.
        compile: whether the matching function is compiled; None to compile it if the work is large enough.
        precision: `float32` or `float64`, the type of the client's step, of dummies, gradients and history.
        victims: number of victims of the whole work, as far as it is known.
        watch: called after each evaluation with the progress; None for no call.
        notice: called with one line of text if something is done otherwise than it was configured.
        affords: asked before each step of an attack whose steps are no evaluations, with the seconds that it may take;
            if it answers no, the attack ends with what it has.
        tuned: `{kind of work: how it is done}`; kept between blocks of victims, so that a cell is compiled once.

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
    affords: Affords = always
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
        """The torch type that `precision` names."""
        return _DTYPES[self.precision]
