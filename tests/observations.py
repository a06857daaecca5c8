"""Small observations in float64, made without a client: a net of two layers on images of 2 x 3 pixels."""

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn import functional

from bench.messages.observation import Observation
from bench.messages.task import Task

SHAPE, CLASSES = (1, 2, 3), 4


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, CLASSES)).double()


def observe(
    model: nn.Module, victims: int = 3, batch_size: int = 2, *, one_model: bool = False, unit: float | None = 1.0
) -> tuple[Observation, Tensor, Tensor]:
    """An observation, and the images `[V, B, 1, 2, 3]` and labels `[V, B]` behind it; all is granted but the labels."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(victims, batch_size, *SHAPE, generator=generator, dtype=torch.float64)
    labels = torch.randint(CLASSES, (victims, batch_size), generator=generator)
    parameters = {}
    for name, value in model.named_parameters():
        apart = 0.5 * torch.randn(victims, *value.shape, generator=generator, dtype=torch.float64)
        parameters[name] = value.detach().expand(victims, *value.shape) if one_model else value.detach() + apart

    def gradient(parameters: dict, buffers: dict, inputs: Tensor, targets: Tensor) -> dict:
        def loss(own: dict) -> Tensor:
            return functional.cross_entropy(functional_call(model, own, (inputs,)), targets)

        return {name: value * (unit or 1.0) for name, value in grad(loss)(parameters).items()}

    task = Task(gradient, SHAPE, CLASSES, (0.0, 1.0), last_linear="3.weight", last_bias="3.bias", unit=unit)
    rows = [gradient({n: v[i] for n, v in parameters.items()}, {}, images[i], labels[i]) for i in range(victims)]
    shared = {name: torch.stack([row[name].detach() for row in rows]) for name in rows[0]}
    return Observation(shared, parameters, {}, 10 + torch.arange(victims), task, batch_size), images, labels
