"""Fewer bits for each entry: half precision (Zhu, Liu and Han 2019, section 5.1) and 8-bit integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import GradientDefense, Tree
from bench.defenses.encoding import Encoding
from bench.engine.rng import Shapes, VictimRng

_HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
_LEVELS = 127  # of 8 bits, symmetric: -127 to 127


def rounded(value: Tensor, kind: str) -> Tensor:
    """`value` rounded to the nearest `float16` or `bfloat16`, in its own type; beyond the range infinite."""
    return value.to(_HALVES[kind]).to(value.dtype)


def int8(value: Tensor, uniform: Tensor | None) -> Tensor:
    """`value` on the grid of 255 levels `scale * q`, `scale = max |value| / 127`, `q` in -127..127.

    Args:
        uniform: numbers on [0, 1) for stochastic rounding, `floor(x + u)`; None for the nearest, ties to even.
    """
    scale = value.abs().amax() / _LEVELS
    level = value / torch.where(scale > 0, scale, torch.ones_like(scale))
    level = torch.round(level) if uniform is None else torch.floor(level + uniform.to(level.dtype))
    return scale * level.clamp(-_LEVELS, _LEVELS)


@dataclass(frozen=True)
class Half(GradientDefense):
    """Each entry as a 16-bit floating-point number.

    Args:
        kind: `float16` (10 bits of mantissa) or `bfloat16` (7, and the range of float32).

    Raises:
        ValueError: another kind.
    """

    kind: str

    def __post_init__(self) -> None:
        if self.kind not in _HALVES:
            raise ValueError(f"kind={self.kind!r}: want {' or '.join(_HALVES)}")

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Rounds every entry."""
        return {name: rounded(value, self.kind) for name, value in gradients.items()}, state

    def encode(self, sent: Encoding) -> Encoding:
        """Two bytes a value."""
        return sent.quantised(16, scales=0)


@dataclass(frozen=True)
class Int8(GradientDefense):
    """Each entry as an 8-bit integer, symmetric, with one scale a tensor.

    Args:
        rounding: `nearest`, or `stochastic`: up with the probability that makes it unbiased.
        seed: of stochastic rounding, beside the run's own.

    Raises:
        ValueError: another rounding.
    """

    rounding: str
    seed: int

    def __post_init__(self) -> None:
        if self.rounding not in ("nearest", "stochastic"):
            raise ValueError(f"rounding={self.rounding!r}: want nearest or stochastic")

    def draw(self, shapes: Shapes, stream: VictimRng) -> Any:
        """Uniform numbers, where rounding is stochastic."""
        return stream.uniform(shapes) if self.rounding == "stochastic" else ()

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Rounds every entry to its tensor's grid."""
        random = noise if self.rounding == "stochastic" else {}
        return {name: int8(value, random.get(name)) for name, value in gradients.items()}, state

    def encode(self, sent: Encoding) -> Encoding:
        """A byte a value and a scale a tensor."""
        return sent.quantised(8, scales=1)
