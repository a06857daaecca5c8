"""Images that fit a noisy gradient best, if each unit's examples are those whose images wake it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.exact.spear.noise import CERTAIN, NoisyGradient

_TURNS = 30
_DOUBT, _NARROWING = 0.5, 0.7  # share of the values' spread within which a unit may be awake: at first, and per turn
_RIDGE = 1e-12  # share of the mean of the diagonal, for images that are nearly dependent


@dataclass(frozen=True, eq=False)
class Fit:
    """Images of a batch within their span, and what they say of each unit.

    Args:
        points: X V^T, `[r, r]`, the images in the basis of their span.
        values: W x + b, `[r, m]`.
        margin: `[r, m]`, `CERTAIN` standard deviations of the values.
    """

    points: Tensor
    values: Tensor
    margin: Tensor


def refine(noisy: NoisyGradient, points: Tensor) -> Fit:
    """Fits gW = D^T X and gb = D^T 1 by least squares, where D is zero at each unit that is dead for an example.

    Three steps alternate: the units that the images wake, D for these images, and X for this D. The bias's gradient is
    a further column of gW, whose input is 1 for all examples; an image is scaled so that this holds.

    Args:
        noisy: see `NoisyGradient`.
        points: X V^T, `[r, r]`, roughly.
    """
    factors, layer = noisy.factors, noisy.layer
    basis = factors.images / factors.values[:, None]
    read = layer.weight @ basis.mT  # [m, r]
    seen = torch.cat([factors.left * factors.values, layer.of_bias[:, None]], 1) / noisy.deviation[:, None]
    reached, margin = points @ read.mT + layer.bias, torch.zeros(())
    for turn in range(_TURNS):
        doubt = margin + _DOUBT * _NARROWING**turn * reached.std(1, keepdim=True)
        slopes = _slopes(seen, torch.cat([points, torch.ones_like(points[:, :1])], 1), reached > -doubt)
        inputs = torch.linalg.lstsq(slopes, seen).solution
        points = inputs[:, :-1] / inputs[:, -1:]
        reached = points @ read.mT + layer.bias
        spread = torch.linalg.pinv(slopes.mT @ slopes).diagonal().clamp(min=0).sqrt() / inputs[:, -1].abs()
        moved = (layer.weight.square().sum(1) + (reached - layer.bias).square()).sqrt()
        margin = CERTAIN * spread[:, None] * moved
    return Fit(points, reached, margin)


def _slopes(seen: Tensor, inputs: Tensor, awake: Tensor) -> Tensor:
    """D^T by least squares, zero where an example does not wake a unit: `[m, c]`, `[r, c]`, `[r, m]` -> `[m, r]`."""
    square, right = inputs @ inputs.mT, seen @ inputs.mT
    both = awake.mT[:, :, None] & awake.mT[:, None, :]
    ridge = torch.where(awake.mT, _RIDGE * square.diagonal().mean(), 1.0)
    system = torch.where(both, square, 0) + torch.diag_embed(ridge)
    return torch.linalg.solve(system, torch.where(awake.mT, right, 0))
