"""Brings the dummy's gradient and the shared update to one scale: the update of local steps is no gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages.flat import flat

Gradients = dict[str, Tensor]


def comparable(gradients: Gradients, observed: Gradients, unit: float | None) -> tuple[Gradients, Gradients]:
    """Scales the dummy's gradient and the shared update so that a distance between them is meaningful.

    If `unit` is a number, both are divided by it. If it is None, the attacker does not know the scale and only the
    direction counts: each is divided by its length, which makes the squared error 2 (1 - cosine). The sign stays,
    because an update is the weights before minus the weights after, and so points where the gradient points. The
    lengths are computed over the entries that were shared; an entry that is exactly zero was left out, or adds nothing
    to the length.

    Args:
        gradients: `{name: [V, ...]}` of the dummy; may hold more names than were observed.
        observed: `{name: [V, ...]}`, what was shared.
        unit: see `Task.unit`.

    Returns:
        Both, scaled, for the observed names.
    """
    if unit == 1.0:
        return gradients, observed
    if unit is not None:
        return {name: gradients[name] / unit for name in observed}, {n: value / unit for n, value in observed.items()}
    there = {name: (value != 0).to(value.dtype) for name, value in observed.items()}
    ours = _over({name: gradients[name] for name in observed}, there)
    return ours, _over(observed, there)


def _over(of: Gradients, there: Gradients) -> Gradients:
    """Divides `of` by its length over the entries at which `there` is 1; a zero length leaves zeros."""
    squares = torch.stack([flat(value * there[name]).square().sum(1) for name, value in of.items()]).sum(0)
    factor = squares.clamp(min=torch.finfo(squares.dtype).tiny).rsqrt()
    return {name: value * factor.view(-1, *[1] * (value.dim() - 1)) for name, value in of.items()}
