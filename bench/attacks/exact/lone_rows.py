"""The input of a linear layer from rows of its gradient that one example alone has made."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def fitted(of_weight: Tensor, of_bias: Tensor) -> Tensor:
    """The input x of a layer whose units are all moved by one example: `[k, n]` and `[k]` -> `[n]`.

    Row i of the weight's gradient is g_i x, and g_i is entry i of the bias's gradient (Phong et al. 2018, section 3),
    so each ratio is x. The least squares fit of x to all rows, sum_i g_i G_ij / sum_i g_i^2, is the same ratio if
    nothing is perturbed, and the mean with the least variance if there is noise. Entries that are exactly zero are left
    out, because pruning makes them so. A column of zeros alone has the input 0.
    """
    seen = (of_weight != 0).to(of_weight)
    weights = of_bias.square() @ seen
    return torch.where(weights > 0, of_bias @ of_weight / weights.where(weights > 0, 1), 0)


def variances(of_weight: Tensor, of_bias: Tensor, inputs: Tensor, unknown: Tensor) -> Tensor:
    """The squared error of `fitted` that its residual makes one expect: `[n]`.

    Noise of variance v in every entry leaves residuals of variance s^2 = v (1 + x^2), by which v is known. The fit of
    column j then has the variance s^2 / sum_i g_i^2. Noise in g itself adds k v to that sum and shrinks the fit, by the
    share k v / S of its value, where S is what is left of the sum; the square of this is added. Where S is less than
    k v, there is more noise than signal, and nothing is known. A column of zeros alone is that of an input of 0, unless
    entries have been pruned, which zeros beside other entries of a column show: then nothing is known either.

    Args:
        of_weight: `[k, n]`.
        of_bias: `[k]`.
        inputs: `[n]`, the result of `fitted`.
        unknown: `[n]`, the squared error of an input that nothing is known of.
    """
    seen = (of_weight != 0) & (of_bias != 0)[:, None]
    count = seen.sum(0)
    residual = torch.where(seen, of_weight - of_bias[:, None] * inputs, 0)
    noise = residual.square().sum() / count.sum().clamp(min=1)
    in_bias = count * noise / (1 + inputs.square().mean())
    strength = torch.where(count > 0, (of_bias.square()[:, None] * seen).sum(0), of_bias.square().sum())
    signal = strength - in_bias
    pruned = (count[count > 0] < (of_bias != 0).sum()).any()
    lost = (signal <= in_bias) | ((count == 0) & pruned)
    signal = signal.where(~lost, 1)
    return torch.where(lost, unknown, noise / strength.where(~lost, 1) + (inputs * in_bias / signal).square())


def agreeing(of_weight: Tensor, of_bias: Tensor, usable: Tensor, tolerance: float) -> Iterator[Tensor]:
    """Finds groups of two units and more whose rows give the same input, which one example alone has made.

    The ratio of a row that several examples have made is a mixture of their inputs, and the mixtures of two units
    differ, unless the network weighs its examples alike at both (see `bench.attacks.exact.linear_layer`). A row that
    agrees with no other may be either, and is in no group.

    Args:
        of_weight: `[m, n]`, gradient of the weight.
        of_bias: `[m]`, gradient of the bias.
        usable: `[m]`, bool: units that are considered; their entry of the bias's gradient is not zero.
        tolerance: the relative distance up to which two inputs are the same.

    Yields:
        The numbers of the units of one group, `[k]`.
    """
    units = usable.nonzero().flatten()
    if len(units) < 2:
        return
    ratios = of_weight[units] / of_bias[units, None]
    # equal inputs have equal projections, so that they are neighbours in the order of any one projection
    direction = torch.cos(torch.arange(ratios.shape[1], dtype=ratios.dtype) ** 2)
    order = (ratios @ direction).argsort()
    units, ratios = units[order], ratios[order]
    near = (ratios[1:] - ratios[:-1]).norm(dim=1) <= tolerance * ratios[1:].norm(dim=1)
    group = torch.cat([torch.zeros(1, dtype=torch.long), (~near).long().cumsum(0)])
    for number in group.unique_consecutive():
        members = units[group == number]
        if len(members) > 1:
            yield members
