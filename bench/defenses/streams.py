"""Random numbers of a defence: drawn on the CPU before anything is mapped, and named by what they are for."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.engine.randomness import draw

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class VictimRng:
    """One victim's source of random numbers.

    Args:
        parts: what the numbers are for, (seed, "defense", victim id, ...); other parts give independent numbers.
    """

    parts: tuple[int | str, ...]

    def child(self, *more: int | str) -> VictimRng:
        """The stream of a narrower purpose."""
        return VictimRng((*self.parts, *more))

    def normal(self, shapes: Shapes) -> dict[str, Tensor]:
        """Standard normal tensors of these shapes, float32."""
        return self._each("normal", shapes)

    def uniform(self, shapes: Shapes) -> dict[str, Tensor]:
        """Tensors of these shapes, float32, uniform on [0, 1)."""
        return self._each("uniform", shapes)

    def _each(self, kind: str, shapes: Shapes) -> dict[str, Tensor]:
        return {name: draw(kind, shape, *self.parts, name) for name, shape in shapes.items()}
