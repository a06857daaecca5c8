"""The distance of the client privacy leakage attack (Wei et al. 2020, arXiv 2004.10397)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from bench.messages.flat import flat
from bench.objectives.squared_error import squared_error

_Gradients = dict[str, Tensor]  # {parameter name: [V, ...]}


class LabelTerm:
    """The squared error of all gradients, and the squared error of the prediction: all times a constant.

    sum_l ||g_l - g*_l||^2 + weight ||y' - y||^2, where y' are the probabilities that the model gives the dummy image
    and y is the label. Under a cross entropy the gradient of the last bias b is the mean of y' - y over the batch, so
    the term is weight ||g_b||^2 and costs nothing.

    The true image has a term above zero too, unless the model is sure of its label. So the weight moves the minimum
    away from the truth.

    Args:
        weight: alpha, of the prediction, >= 0.
        scale: factor, > 0; it changes no minimiser, but the objective that tolerances are compared with.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(self, weight: float, scale: float) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0 (of the squared error of the prediction)")
        if scale <= 0:
            raise ValueError(f"scale={scale}: must be > 0")
        self.weight, self.scale = weight, scale

    def __call__(self, gradients: _Gradients, observed: _Gradients) -> Tensor:
        """The squared error alone, `{name: [V, ...]}` -> `[V]`, as long as the last bias is not named (`at`)."""
        return self.scale * squared_error(gradients, observed)

    def at(self, bias: str) -> Callable[[_Gradients, _Gradients], Tensor]:
        """Returns the distance `(gradients, observed) -> [V]` of a model whose last bias has this name."""

        def distance(gradients: _Gradients, observed: _Gradients) -> Tensor:
            prediction = flat(gradients[bias]).square().sum(1)
            return self(gradients, observed) + self.scale * self.weight * prediction

        return distance
