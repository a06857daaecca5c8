"""Fewer bits per entry: half precision (Zhu, Liu and Han 2019, section 5.1) and 8-bit integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import GradientDefense, Tree
from bench.defenses.encoding import Encoding
from bench.engine.rng import Shapes, VictimRng

_HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
LEVELS = 127  # the symmetric range of 8 bits is -127 to 127


def rounded(value: Tensor, kind: str) -> Tensor:
    """Rounds `value` to the nearest `float16` or `bfloat16`, in its own type; values beyond the range are infinite."""
    return value.to(_HALVES[kind]).to(value.dtype)


def int8(value: Tensor, uniform: Tensor | None) -> Tensor:
    """Rounds `value` to the grid `scale * q`, with `scale = max |value| / 127` and integers `q` in [-127, 127].

    Args:
        value: a tensor of any shape.
        uniform: numbers on [0, 1) of the same shape for stochastic rounding, `floor(x + u)`; None for rounding to
            nearest, ties to even.
    """
    scale = value.abs().amax() / LEVELS
    level = value / torch.where(scale > 0, scale, torch.ones_like(scale))
    level = torch.round(level) if uniform is None else torch.floor(level + uniform.to(level.dtype))
    return scale * level.clamp(-LEVELS, LEVELS)


@dataclass(frozen=True)
class Half(GradientDefense):
    """Shares each entry as a 16-bit floating-point number.

    Args:
        kind: `float16` (10 bits of mantissa) or `bfloat16` (7 bits, and the range of float32).

    Raises:
        ValueError: another kind.
    """

    kind: str
    rounds = True

    def __post_init__(self) -> None:
        if self.kind not in _HALVES:
            raise ValueError(f"kind={self.kind!r}: want {' or '.join(_HALVES)}")

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Rounds every entry.

        Args:
            gradients: `{name: tensor}` of one client.
            noise: not used.
            state: returned unchanged.
        """
        return {name: rounded(value, self.kind) for name, value in gradients.items()}, state

    def encode(self, sent: Encoding) -> Encoding:
        """What is sent: two bytes per value, without scales."""
        return sent.quantised(16, scales=0)


@dataclass(frozen=True)
class Int8(GradientDefense):
    """Shares each entry as an 8-bit integer, symmetric, with one scale per tensor.

    Args:
        rounding: `nearest`, or `stochastic`: up or down at random, such that the expectation is unbiased.
        seed: seed of stochastic rounding, in addition to that of the run.

    Raises:
        ValueError: another rounding.
    """

    rounding: str
    seed: int
    rounds = True

    def __post_init__(self) -> None:
        if self.rounding not in ("nearest", "stochastic"):
            raise ValueError(f"rounding={self.rounding!r}: want nearest or stochastic")

    def draw(self, shapes: Shapes, stream: VictimRng) -> Any:
        """Draws uniform numbers if rounding is stochastic, else nothing."""
        return stream.uniform(shapes) if self.rounding == "stochastic" else ()

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Rounds every entry to the grid of its tensor.

        Args:
            gradients: `{name: tensor}` of one client.
            noise: uniform numbers, as `draw` returned them.
            state: returned unchanged.
        """
        random = noise if self.rounding == "stochastic" else {}
        return {name: int8(value, random.get(name)) for name, value in gradients.items()}, state

    def encode(self, sent: Encoding) -> Encoding:
        """What is sent: one byte per value, and one scale per tensor."""
        return sent.quantised(8, scales=1)
