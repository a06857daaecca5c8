"""Gradients of the last weight for dummy images: what an attacker with the model can measure."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import vmap

from bench.engine.rng import draw
from bench.errors import NotApplicable
from bench.messages.observation import Observation

NEEDS = frozenset({"batch_size", "last_linear", "classes", "input_range", "buffers", "update_length"})


def check_images(seen: Observation) -> None:
    """Refuses sentences, for which there are no dummy images.

    Raises:
        NotApplicable: the data are sentences.
    """
    if seen.task.language is not None:
        raise NotApplicable("this label rule computes gradients of dummy images, and the data are sentences")


def uniform_images(seen: Observation, victim: int, shape: tuple[int, ...], *purpose: int | str) -> Tensor:
    """Dummy images `[*shape, C, H, W]`, uniform in the range of inputs.

    Args:
        seen: the observation.
        victim: position of the victim, whose number is part of the seed.
        shape: the leading sizes.
        purpose: seed of the attacker's random numbers, and what they are for.
    """
    assert seen.task.input_range is not None
    low, high = seen.task.input_range
    drawn = draw("uniform", (*shape, *seen.task.input_shape), *purpose, int(seen.ids[victim]))
    like = next(iter(seen.gradients.values()))
    return (low + (high - low) * drawn).to(like)


def weight_gradients(
    seen: Observation, victim: int, inputs: Tensor, labels: Tensor, moved: dict[str, Tensor] | None = None
) -> Tensor:
    """The gradient of the last weight, `[N, K, d]`, of N dummy batches, divided by the length of an update.

    Args:
        seen: the observation.
        victim: position of the victim whose model is used.
        inputs: `[N, b, C, H, W]`.
        labels: `[N, b]`.
        moved: parameters in place of those before the update; None for those before it.
    """
    task = seen.task
    assert task.last_linear is not None and task.unit is not None
    parameters = moved if moved is not None else {name: value[victim] for name, value in seen.parameters.items()}
    buffers = {name: value[victim] for name, value in seen.buffers.items()}
    name = task.last_linear

    def one(x: Tensor, y: Tensor) -> Tensor:
        return task.gradient(parameters, buffers, x, y)[name]

    if task.mappable:
        found: Tensor = vmap(one, chunk_size=16)(inputs, labels)
    else:
        found = torch.stack([one(x, y) for x, y in zip(inputs, labels)])
    return found.detach() / task.unit
