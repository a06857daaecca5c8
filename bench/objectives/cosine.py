"""The distance of Inverting Gradients (Geiping, Bauermeister, Dröge, Moeller 2020, arXiv 2003.14053, equation 4)."""

import torch
from torch import Tensor

from bench.messages.flat import flat
from bench.objectives.scaled import ScaledDistance


def cosine_distance(gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
    """`1 - <g, g*> / (||g|| ||g*||)`, all observed parameters as one vector: `{name: [V, ...]}` -> `[V]`.

    It is in [0, 2], and computed as half the squared distance of the two unit vectors, which is the same number. In
    float32, a difference from 1 would be lost below 1e-7, long before the image is found. If the dummy's gradient is
    zero, it is 1/2.
    """
    ours, theirs = _over_norm({name: gradients[name] for name in observed}), _over_norm(observed)
    squares: Tensor = sum(flat((ours[name] - other) ** 2).sum(1) for name, other in theirs.items())  # type: ignore[assignment]
    return squares / 2


def _over_norm(of: dict[str, Tensor]) -> dict[str, Tensor]:
    squares: Tensor = sum(flat(value**2).sum(1) for value in of.values())  # type: ignore[assignment]
    factor = squares.clamp(min=torch.finfo(squares.dtype).tiny).rsqrt()
    return {name: value * factor.view(-1, *[1] * (value.dim() - 1)) for name, value in of.items()}


class Cosine(ScaledDistance):
    """`cosine_distance` times a constant; it ignores the length of the gradient, and so is not affected by clipping.

    Args:
        scale: factor, > 0. It weighs the distance against priors. Without priors, a direction that does not depend on
            the scale of the objective is not affected by it.

    Raises:
        ValueError: scale is not above 0.
    """

    distance = staticmethod(cosine_distance)
