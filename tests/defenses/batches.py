"""Batches to try defences of examples on, and what a client's step is computed on under such a defence."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from defenses.trees import local
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from bench.defenses.base import ClientContext, Defense, PlainGradient
from bench.defenses.example_form import ExampleForm
from bench.engine.rng import VictimRng
from bench.messages.observation import Observation
from bench.messages.victims import Victims

FORM = ExampleForm((1, 6, 6), 10, by_token=False, refusal=None, soft=False)


def batch(size: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Images `[B, 1, 6, 6]` in [0, 1] and labels `[B]`."""
    g = torch.Generator().manual_seed(seed)
    return torch.rand(size, 1, 6, 6, generator=g), torch.randint(10, (size,), generator=g)


def around(size: int, **changes: Any) -> ClientContext:
    """The context of a step on such a batch."""
    return replace(local(batch_size=size), examples=replace(FORM, **changes))


def computed_on(defense: Defense, size: int, seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The inputs and labels of every gradient that a client computes of `batch(size)`."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def gradient(parameters: Any, buffers: Any, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
        seen.append((inputs, labels))
        return {"w": inputs.mean() * parameters["w"]}

    step = defense.wrap(PlainGradient(gradient), around(size))
    noise = step.noise({"w": (1,)}, size, VictimRng((seed,)))
    step({"w": torch.ones(1)}, {}, *batch(size), noise, step.start({"w": (1,)}))
    return seen


def own_gradient(seen: Observation, victims: Victims, place: int) -> dict[str, torch.Tensor]:
    """The gradient that an attacker computes for the true examples of one victim."""
    held = ({name: value[place] for name, value in group.items()} for group in (seen.parameters, seen.buffers))
    return seen.task.gradient(*held, victims.inputs[place], victims.labels[place])


def by_autograd(
    model: torch.nn.Module,
    seen: Observation,
    place: int,
    inputs: torch.Tensor,
    loss: Callable[[torch.Tensor], torch.Tensor] | torch.Tensor,
) -> dict[str, torch.Tensor]:
    """The gradient of one victim's model by autograd, of a loss of the logits or of the cross entropy with labels."""
    named = {name: value[place].clone().requires_grad_() for name, value in seen.parameters.items()}
    buffers = {name: value[place] for name, value in seen.buffers.items()}
    logits = functional_call(model, (named, buffers), (inputs,))
    value = cross_entropy(logits, loss) if isinstance(loss, torch.Tensor) else loss(logits)
    return dict(zip(named, torch.autograd.grad(value, list(named.values())), strict=True))
