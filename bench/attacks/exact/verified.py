"""A claim of an exact attack: it counts if its own gradient is the shared one, and is no picture otherwise."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.exact.one_victim import one_victim
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status


def disagreement(seen: Observation, position: int, inputs: Tensor, labels: Tensor) -> float:
    """The relative squared distance `||g(x, y) - g*||^2 / ||g*||^2` between a claim's gradient and the shared one.

    Args:
        seen: the observation.
        position: of the victim in it.
        inputs: `[B, C, H, W]`, in the type in which the gradient is computed.
        labels: `[B]`.
    """
    held = (one_victim(group, position, inputs) for group in (seen.parameters, seen.buffers))
    own = seen.task.gradient(*held, inputs, labels)
    distance = size = torch.zeros((), dtype=inputs.dtype, device=inputs.device)
    for name, shared in seen.gradients.items():
        theirs = shared[position].to(inputs.dtype)
        distance = distance + (own[name] - theirs).square().sum()
        size = size + theirs.square().sum()
    return float(distance / size)


def verified(
    seen: Observation, position: int, inputs: Tensor | None, labels: Tensor, enough: float, *, seconds: float
) -> Reconstruction:
    """Makes the reconstruction of one victim. If its gradient is not the shared one, it has no image and no label.

    Args:
        seen: the observation.
        position: of the victim in it.
        inputs: `[B, C, H, W]`, or None if nothing was found.
        labels: `[B]`.
        enough: the claim counts at or below this `disagreement`.
        seconds: wall time that the victim took.
    """
    error = torch.nan
    if inputs is not None and inputs.isfinite().all():
        error = disagreement(seen, position, inputs, labels)
    if not error <= enough or inputs is None:
        size = (len(labels), *seen.task.input_shape)
        inputs, labels = torch.full(size, torch.nan, device=labels.device), torch.full_like(labels, -1)
    return Reconstruction(
        ids=seen.ids[position : position + 1],
        inputs=inputs[None],
        labels=labels[None],
        objective=torch.tensor([error], dtype=torch.float64),
        iterations=torch.tensor([0]),
        evaluations=torch.tensor([0 if error != error else 1]),
        seconds=torch.tensor([seconds], dtype=torch.float64),
        status=[Status.CONVERGED if error <= enough else Status.UNVERIFIED],
    )
