"""One victim: its tensors, taken out of an observation, and the reconstruction of it alone."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status


def one_victim(group: dict[str, Tensor], position: int, like: Tensor) -> dict[str, Tensor]:
    """Returns the tensors of one victim, `{name: [V, ...]}` -> `{name: [...]}`, on the device of `like`.

    Floating point numbers get the type of `like`; whole numbers, such as the counter of a BatchNorm, keep theirs.

    Args:
        group: parameters, buffers or gradients of all victims.
        position: of the victim in the observation.
        like: a tensor whose device and type are wanted.
    """
    own = {name: value[position].to(like.device) for name, value in group.items()}
    return {name: value.to(like.dtype) if value.is_floating_point() else value for name, value in own.items()}


def reconstruction_of(
    seen: Observation,
    position: int,
    inputs: Tensor,
    labels: Tensor,
    status: Status,
    *,
    objective: float,
    begin: float,
    iterations: int = 0,
    evaluations: int = 0,
) -> Reconstruction:
    """Makes the reconstruction of one victim, on the device of the observation.

    Args:
        seen: the observation.
        position: of the victim in it.
        inputs: `[B, C, H, W]`.
        labels: `[B]`, -1 for no claim.
        status: how the work on the victim ended.
        objective: see `Reconstruction`.
        begin: `time.perf_counter()` when the work on this victim began.
        iterations: see `Reconstruction`.
        evaluations: see `Reconstruction`.
    """
    device = seen.ids.device
    return Reconstruction(
        ids=seen.ids[position : position + 1],
        inputs=inputs.to(device)[None],
        labels=labels.to(device)[None],
        objective=torch.tensor([objective], dtype=torch.float64),
        iterations=torch.tensor([iterations]),
        evaluations=torch.tensor([evaluations]),
        seconds=torch.tensor([time.perf_counter() - begin], dtype=torch.float64),
        status=[status],
    )
