"""The distance of GradInversion (Yin et al. 2021, arXiv 2104.07586)."""

import torch
from torch import Tensor

from bench.messages.flat import flat
from bench.objectives.scaled import ScaledDistance


def length(vectors: Tensor) -> Tensor:
    """`[..., N]` -> `[...]`, the Euclidean length; its derivative at a vector of zeros is 0.

    Example:
        >>> length(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [5.0, 0.0]
    """
    squares = vectors.square().sum(-1)
    positive = squares > 0
    return torch.where(positive, squares.where(positive, 1.0).sqrt(), 0.0)


def layer_lengths(gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
    """`sum_l ||g_l - g*_l||` over all observed parameters, lengths and not their squares: `{name: [V, ...]}` -> `[V]`.

    Example:
        >>> ours = {"a": torch.tensor([[3.0, 4.0]]), "b": torch.tensor([2.0])}
        >>> layer_lengths(ours, {"a": torch.zeros(1, 2), "b": torch.zeros(1)}).tolist()
        [7.0]
    """
    return sum(length(flat(gradients[name] - seen)) for name, seen in observed.items())  # type: ignore[return-value]


class LayerLength(ScaledDistance):
    """`layer_lengths` times a constant.

    Args:
        scale: factor, > 0; it weighs the distance against priors.

    Raises:
        ValueError: scale is not above 0.
    """

    distance = staticmethod(layer_lengths)
