"""The distance of APRIL's optimisation (Lu et al. 2022, arXiv 2112.14087, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from bench.objectives.cosine import cosine_distance
from bench.objectives.squared_error import squared_error

_Gradients = dict[str, Tensor]  # {parameter name: [V, ...]}


class PositionTerm:
    """The squared error of all gradients, and the angle between those of the position embedding E.

    sum_l ||g_l - g*_l||^2 + weight (1 - <g_E, g*_E> / (||g_E|| ||g*_E||)), all times a constant.

    The gradient of E is that of the first layer's tokens, and so it is related to the image more directly than the
    gradient of a weight, which is summed over tokens.

    Args:
        weight: of the angle, >= 0.
        scale: factor, > 0; it changes no minimiser, but the objective that tolerances are compared with.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(self, weight: float, scale: float) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0 (of the angle of the positions' gradient)")
        if scale <= 0:
            raise ValueError(f"scale={scale}: must be > 0")
        self.weight, self.scale = weight, scale

    def __call__(self, gradients: _Gradients, observed: _Gradients) -> Tensor:
        """The squared error alone, `{name: [V, ...]}` -> `[V]`, as long as the positions are not named (`at`)."""
        return self.scale * squared_error(gradients, observed)

    def at(self, position: str) -> Callable[[_Gradients, _Gradients], Tensor]:
        """Returns the distance `(gradients, observed) -> [V]` of a model whose position embedding has this name."""

        def distance(gradients: _Gradients, observed: _Gradients) -> Tensor:
            angle = cosine_distance(gradients, {position: observed[position]})
            return self(gradients, observed) + self.scale * self.weight * angle

        return distance
