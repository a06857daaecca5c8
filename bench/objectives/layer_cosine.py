"""The distance of LAMP (Balunovic, Dimitrov, Jovanovic, Vechev 2022, arXiv 2202.08827, section 4, L_cos)."""

import torch
from torch import Tensor

from bench.messages.flat import flat


def layer_cosine_distance(gradients: dict[str, Tensor], observed: dict[str, Tensor], negligible: float = 0.0) -> Tensor:
    """`mean over l of 1 - <g_l, g*_l> / (||g_l|| ||g*_l||)`: `{name: [V, ...]}` -> `[V]`, in [0, 2].

    Each layer has the same weight, however short its gradient is. Like `bench.objectives.cosine`, and for the same
    reason, it is computed as half the squared distance of unit vectors. It is 1/2 for a layer in which the dummy's
    gradient is zero.

    Args:
        gradients: `{name: [V, ...]}` of the dummies.
        observed: `{name: [V, ...]}`, what was shared; only its names count.
        negligible: a layer counts if its observed gradient is longer than this share of the length of the whole
            gradient. A layer of exactly zero has no angle and never counts.

    Example:
        >>> ours = {"a": torch.tensor([[1.0, 0.0]]), "b": torch.tensor([[0.0, 2.0]])}
        >>> theirs = {"a": torch.tensor([[0.0, 3.0]]), "b": torch.tensor([[0.0, 5.0]])}
        >>> layer_cosine_distance(ours, theirs)
        tensor([0.5000])
    """
    squares = {name: flat(value).square().sum(1) for name, value in observed.items()}
    whole: Tensor = sum(squares.values())  # type: ignore[assignment]
    total, count = torch.zeros_like(whole), torch.zeros_like(whole)
    for name, theirs in observed.items():
        counts = (squares[name] > negligible**2 * whole).to(whole.dtype)
        distance = (_unit(gradients[name]) - _unit(theirs)).square().sum(1) / 2
        total, count = total + counts * distance, count + counts
    return total / count.clamp(min=1)


def _unit(value: Tensor) -> Tensor:
    """`[V, ...]` -> `[V, n]` of length 1; zero stays zero."""
    vector = flat(value)
    squares = vector.square().sum(1, keepdim=True)
    return vector * squares.clamp(min=torch.finfo(squares.dtype).tiny).rsqrt()


class LayerCosine:
    """`layer_cosine_distance`, without layers whose gradient is only rounding.

    Departs: some gradients of a transformer are zero except for rounding (attention does not depend on the biases of
    its keys, because the softmax cancels what they add). In the paper's mean, the angles of these layers are noise with
    the same weight as any other layer, and the derivative of that noise is divided by a length of nearly 0. Here they
    do not count. The value therefore differs from that of the authors' code, in which each of them adds about 1 to the
    sum over layers.

    Args:
        negligible: a layer whose length is at or below this share of the whole gradient's length counts as rounding, in
            [0, 1); 0 counts every layer that is not exactly zero, as published.

    Raises:
        ValueError: negligible is not in [0, 1).
    """

    def __init__(self, negligible: float) -> None:
        if not 0 <= negligible < 1:
            raise ValueError(f"negligible={negligible}: must lie in [0, 1) (share of the gradient's length)")
        self.negligible = negligible

    def __call__(self, gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
        """`{name: [V, ...]}` of the dummies and of the shared gradients -> `[V]`."""
        return layer_cosine_distance(gradients, observed, self.negligible)
