"""What a defence has added to a gradient of known rank: measured, row by row, on what lies outside that rank."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.attacks.exact.spear.factors import Factors, LayerGradient

CERTAIN = 5.0  # standard deviations beyond which a value is not zero; noise alone is, once in two million values


@dataclass(frozen=True, eq=False)
class NoisyGradient:
    """A layer's gradient whose zeros are hidden by noise that is larger than rounding.

    Args:
        layer: without the units at which there is nothing but noise.
        factors: of the layer; `rows` are those of U at a noise of 1, and `slack` is `CERTAIN` everywhere.
        deviation: `[m]`, standard deviation of the noise of one entry in each row.
    """

    layer: LayerGradient
    factors: Factors
    deviation: Tensor


def deviations(of_weight: Tensor, images: Tensor) -> Tensor:
    """The standard deviation of one entry's noise in each row of gW: `[m, n]`, span `[r, n]` -> `[m]`.

    The gradient of B examples has rank B. So what is left of a row outside the span of B directions is noise, in n - B
    dimensions. No knowledge of the defence is needed.
    """
    inputs, rank = of_weight.shape[1], len(images)
    basis = images / images.norm(dim=1, keepdim=True)
    outside = of_weight - of_weight @ basis.mT @ basis
    return outside.norm(dim=1) / max(inputs - rank, 1) ** 0.5


def hidden(layer: LayerGradient, factors: Factors, rounding: float) -> NoisyGradient | None:
    """Returns the gradient with its noise if that hides its zeros; None if it is below what rounding leaves.

    Args:
        layer: without dead units.
        factors: of the layer, of the rank that the batch size says.
        rounding: eps, see `Factors.zeros`.
    """
    inputs, rank = layer.of_weight.shape[1], factors.rank
    if inputs <= rank:
        return None
    lengths = layer.of_weight.norm(dim=1)
    deviation = deviations(layer.of_weight, factors.images)
    if float((CERTAIN * deviation / lengths).median()) <= rounding:
        return None
    deviation = deviation.clamp(min=rounding * lengths)
    some = (factors.left * factors.values).norm(dim=1) > CERTAIN * deviation * rank**0.5
    if some.sum() < 2 * rank:
        return None
    left, deviation = factors.left[some], deviation[some]
    clean = LayerGradient(layer.of_weight[some], layer.of_bias[some], layer.weight[some], layer.bias[some])
    rows = left / deviation[:, None]
    slack = torch.full_like(deviation, CERTAIN)
    return NoisyGradient(clean, replace(factors, left=left, rows=rows, slack=slack), deviation)
