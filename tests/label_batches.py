"""Observations of batches with chosen labels, of a real network with ReLU, in float64, for tests of label rules."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn import functional

from bench.messages.observation import Observation
from bench.messages.task import Task

SHAPE = (1, 6, 6)


def shared(
    labels: list[list[int]] | Tensor,
    classes: int,
    *,
    width: int = 64,
    bias: bool = True,
    scale: float = 1.0,
    unit: float = 1.0,
    seed: int = 0,
) -> Observation:
    """What a client shares of batches with these labels; everything is granted but the labels.

    Args:
        labels: `[V, B]` class indices, or `[V, B, K]` probabilities.
        classes: K.
        width: number of features that enter the last layer.
        bias: whether the last layer has one.
        scale: factor of the initial weights of the last layer; the smaller, the more equal the probabilities.
        unit: see `Task.unit`.
        seed: of weights and images.
    """
    torch.manual_seed(seed)
    layers = [nn.Flatten(), nn.Linear(36, width), nn.ReLU(), nn.Linear(width, classes, bias=bias)]
    model = nn.Sequential(*layers).double()
    with torch.no_grad():
        for value in layers[-1].parameters():
            value.mul_(scale)
    targets = torch.as_tensor(labels)
    images = torch.rand(*targets.shape[:2], *SHAPE, dtype=torch.float64)

    def gradient(parameters: dict, buffers: dict, inputs: Tensor, targets: Tensor) -> dict:
        def loss(own: dict) -> Tensor:
            return functional.cross_entropy(functional_call(model, own, (inputs,)), targets)

        return {name: value * unit for name, value in grad(loss)(parameters).items()}

    own = {name: value.detach() for name, value in model.named_parameters()}
    rows = [gradient(own, {}, x, y) for x, y in zip(images, targets)]
    task = Task(
        gradient, SHAPE, classes, (0.0, 1.0), last_linear="3.weight", last_bias="3.bias" if bias else None, unit=unit
    )
    return Observation(
        {name: torch.stack([row[name].detach() for row in rows]) for name in own},
        {name: value.expand(len(rows), *value.shape) for name, value in own.items()},
        {},
        torch.arange(len(rows)),
        task,
        targets.shape[1],
    )


def overlap(found: Tensor, truth: Tensor) -> float:
    """The share of labels that are right, as multisets: `[V, B]` and `[V, B]` -> a number in [0, 1]."""
    top = int(max(found.max(), truth.max())) + 1
    both = [[torch.bincount(row, minlength=top) for row in labels] for labels in (found, truth)]
    right = sum(int(torch.minimum(a, b).sum()) for a, b in zip(*both))
    return right / truth.numel()
