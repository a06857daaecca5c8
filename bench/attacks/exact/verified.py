"""A claim of an exact attack: it counts if its own gradient is the shared one, and is no picture otherwise."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from bench.attacks.exact.one_victim import one_victim, reconstruction_of
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
    seen: Observation, position: int, claims: Iterable[tuple[Tensor, Tensor]], enough: float, *, begin: float
) -> Reconstruction:
    """Makes the reconstruction of one victim: the first claim whose gradient is the shared one, or no image and label.

    The objective is the least `disagreement` of the claims, and NaN if there is no claim without NaN.

    Args:
        seen: the observation; it grants the batch size.
        position: of the victim in it.
        claims: inputs `[B, C, H, W]` and labels `[B]`, the likeliest first; none after the first that counts is made.
        enough: a claim counts at or below this `disagreement`.
        begin: `time.perf_counter()` when the work on this victim began.
    """
    assert seen.batch_size is not None
    device = seen.ids.device
    inputs = torch.full((seen.batch_size, *seen.task.input_shape), torch.nan, device=device)
    labels = torch.full((seen.batch_size,), -1, device=device)
    errors: list[float] = []
    status = Status.UNVERIFIED
    for claimed, classes in claims:
        if not claimed.isfinite().all():
            continue
        errors.append(disagreement(seen, position, claimed, classes))
        if errors[-1] <= enough:
            inputs, labels, status = claimed, classes, Status.CONVERGED
            break
    objective = min(errors, default=torch.nan)
    return reconstruction_of(
        seen, position, inputs, labels, status, objective=objective, begin=begin, evaluations=len(errors)
    )
