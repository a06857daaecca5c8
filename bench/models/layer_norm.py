"""Layer normalisation in steps: torch's own has a wrong second derivative where `torch.func.vmap` maps its gradient.

Seen in torch 2.14: of `vmap(grad(loss))` through `layer_norm` with weights, the derivative with respect to the input is
off by some per cent, without a word (the backward that is mapped takes the saved mean and deviation for constants).
Not mapped it is right.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


def layer_norm(x: Tensor, dimensions: int, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """`(x - mean) / sqrt(variance + eps) * weight + bias` (Ba, Kiros, Hinton 2016, arXiv 1607.06450).

    Args:
        x: `[..., N1, ..., Nd]`; weight, bias: `[N1, ..., Nd]`, or None.
        dimensions: d, how many of the last are normalised over.
        eps: added to the variance (that of the population).
    """
    over = tuple(range(-dimensions, 0))
    centred = x - x.mean(over, keepdim=True)
    found = centred * (centred.square().mean(over, keepdim=True) + eps).rsqrt()
    if weight is not None:
        found = found * weight
    return found if bias is None else found + bias


class LayerNorm(nn.LayerNorm):
    """`torch.nn.LayerNorm` by `layer_norm`."""

    def forward(self, input: Tensor) -> Tensor:
        """`[..., N1, ..., Nd]`, and so out."""
        return layer_norm(input, len(self.normalized_shape), self.weight, self.bias, self.eps)


def in_steps(network: N) -> N:
    """The network with every `torch.nn.LayerNorm` in it replaced, in place; parameters and names stay."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.LayerNorm:
                setattr(module, name, _like(child))
    return network


def _like(norm: nn.LayerNorm) -> LayerNorm:
    with torch.device("meta"):
        found = LayerNorm(norm.normalized_shape, norm.eps, norm.elementwise_affine, norm.bias is not None)
    found.weight, found.bias = norm.weight, norm.bias
    return found.train(norm.training)
