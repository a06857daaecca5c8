"""What entered the last linear layer, and its label, from that layer's gradient for one example (cross entropy)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.exact.lone_rows import fitted

_SCALES = 4000  # scales at which the equation of a layer without a bias is looked at for a change of sign
_DECADES = 8.0  # how far they reach, above and below the length at which the label's probability is one half
_HALVINGS = 80


@dataclass(frozen=True, eq=False)
class LastFeatures:
    """One candidate for what entered the last layer.

    Args:
        features: h, `[d]`.
        slope: dL/d logits = p - y, `[K]`.
        label: the class.
        error: how far the gradient and the forward pass disagree, as a share of the gradient's length.
    """

    features: Tensor
    slope: Tensor
    label: int
    error: float


def candidates(
    gradient: Tensor, bias_gradient: Tensor | None, weight: Tensor, bias: Tensor | None
) -> list[LastFeatures]:
    """Returns what may have entered the layer, the best first; empty if nothing fits.

    With the gradient of the bias, which is p - y, there is one candidate: grad W = (p - y) h^T, and so
    h = grad W^T grad b / ||grad b||^2 (`bench.attacks.exact.lone_rows.fitted`). Without it, grad W gives h = s r only
    up to a scale s (r is its right singular vector). The scale is where the forward pass gives the same slope,
    grad W r / s = softmax(s W r + b) - y. For two classes (the paper's one output) this has several solutions, and for
    more only by accident.

    Args:
        gradient: of the weight, `[K, d]`.
        bias_gradient: of the bias, `[K]`, or None if it is not shared.
        weight: `[K, d]`.
        bias: `[K]`, or None if there is none.
    """
    if not gradient.norm() > 0:
        return []
    if bias_gradient is not None:
        if not bias_gradient.norm() > 0:
            return []
        features = fitted(gradient, bias_gradient)
        return [_candidate(features, bias_gradient, weight, bias, int(bias_gradient.argmin()))]
    left, values, right = torch.linalg.svd(gradient, full_matrices=False)
    ray = right[0]
    pull = left[:, 0] * values[0]  # s (p - y)
    logits = weight @ ray
    found = []
    for sign in (1.0, -1.0):
        label = int((sign * pull).argmin())
        others = torch.arange(len(pull), device=pull.device) != label
        if (sign * pull[others] < -1e-2 * pull.abs().max()).any():
            continue
        for scale in _roots(sign * pull[label], sign * logits, bias, label):
            found.append(_candidate(scale * sign * ray, sign * pull / scale, weight, bias, label))
    return sorted(found, key=lambda one: one.error)


def _candidate(features: Tensor, slope: Tensor, weight: Tensor, bias: Tensor | None, label: int) -> LastFeatures:
    logits = weight @ features + (0 if bias is None else bias)
    expected = logits.softmax(0)
    expected[label] -= 1
    return LastFeatures(features, slope, label, float((expected - slope).norm() / slope.norm()))


def _roots(pull: Tensor, logits: Tensor, bias: Tensor | None, label: int) -> list[Tensor]:
    """The scales s > 0 with s (p_label(s) - 1) = pull, where p(s) = softmax(s logits + bias)."""

    def excess(scales: Tensor) -> Tensor:
        z = scales[:, None] * logits + (0 if bias is None else bias)
        rest = torch.cat([z[:, :label], z[:, label + 1 :]], 1).logsumexp(1)
        return pull + scales * torch.sigmoid(rest - z[:, label])  # 1 - p without a loss of digits

    middle = 2 * pull.abs().clamp(min=torch.finfo(pull.dtype).tiny)
    grid = torch.logspace(-_DECADES, _DECADES, _SCALES, dtype=pull.dtype, device=pull.device) * middle
    signs = excess(grid) > 0
    change = (signs[1:] != signs[:-1]).nonzero().flatten()
    low, high = grid[change], grid[change + 1]
    below = signs[change]
    for _ in range(_HALVINGS):
        half = (low + high) / 2
        same = (excess(half) > 0) == below
        low, high = torch.where(same, half, low), torch.where(same, high, half)
    return list((low + high) / 2)
