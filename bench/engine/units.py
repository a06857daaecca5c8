"""Gradients and what was shared, brought to one length: an update of local steps is no gradient, nor as long as one."""

from __future__ import annotations

import torch
from torch import Tensor

Gradients = dict[str, Tensor]


def comparable(gradients: Gradients, observed: Gradients, unit: float | None) -> tuple[Gradients, Gradients]:
    """The dummy's gradient and what was shared, `{name: [V, ...]}` each, in units in which a distance means something.

    Args:
        gradients: of the dummy; may hold more than was observed.
        observed: what was shared.
        unit: see `Task.unit`. Both are divided by it. None, where the attacker does not know it: of both only the
            direction counts, so each is divided by its length, which makes the squared error 2 (1 - cosine). The sign
            stays: an update is the weights before minus those after, and points where the gradient does. The lengths
            are those of the entries that were shared: one that is exactly zero was left out, or tells of no length.
    """
    if unit == 1.0:
        return gradients, observed
    if unit is not None:
        return {name: gradients[name] / unit for name in observed}, {n: value / unit for n, value in observed.items()}
    there = {name: (value != 0).to(value.dtype) for name, value in observed.items()}
    ours = _over({name: gradients[name] for name in observed}, there)
    return ours, _over(observed, there)


def _over(of: Gradients, there: Gradients) -> Gradients:
    """`of` over its length where `there` is 1; 0 stays 0."""
    squares = torch.stack([(value * there[name]).square().flatten(1).sum(1) for name, value in of.items()]).sum(0)
    factor = squares.clamp(min=torch.finfo(squares.dtype).tiny).rsqrt()
    return {name: value * factor.view(-1, *[1] * (value.dim() - 1)) for name, value in of.items()}
