"""Small observations of series in float64, made without a client: daily patterns with noise, under a convolution."""

import math

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn import functional

from bench.messages.observation import Observation
from bench.messages.task import Task

PERIOD, TIMES = 8, 24


def wide() -> nn.Module:
    """A net whose gradient determines a series."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(1, 6, 5, 2, 2), nn.Sigmoid(), nn.Flatten(), nn.Linear(72, 2)).double()


def narrow() -> nn.Module:
    """A net whose gradient leaves most of a series open: one filter, and a stride of 4."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(1, 1, 5, 4, 2, bias=False), nn.Sigmoid(), nn.Flatten(), nn.Linear(6, 2)).double()


def daily(count: int, noise: float, seed: int) -> Tensor:
    """Series `[count, 1, 24]` of three periods of a pattern, each of its own phase and amplitude, with noise."""
    generator = torch.Generator().manual_seed(seed)
    phase, amplitude = torch.rand(2, count, 1, 1, generator=generator, dtype=torch.float64)
    time = torch.arange(TIMES, dtype=torch.float64)
    pattern = (0.5 + amplitude) * torch.sin(2 * math.pi * (time / PERIOD + phase))
    return pattern + noise * torch.randn(count, 1, TIMES, generator=generator, dtype=torch.float64)


def observe_series(model: nn.Module, series: Tensor) -> tuple[Observation, Tensor]:
    """An observation of batches of one `[V, 1, 1, 24]`, with labels granted, and the labels `[V, 1]`."""
    victims = len(series)
    labels = torch.arange(victims).view(-1, 1) % 2
    parameters = {name: v.detach().expand(victims, *v.shape) for name, v in model.named_parameters()}

    def gradient(parameters: dict, buffers: dict, inputs: Tensor, targets: Tensor) -> dict:
        def loss(own: dict) -> Tensor:
            return functional.cross_entropy(functional_call(model, own, (inputs,)), targets)

        return grad(loss)(parameters)

    task = Task(gradient, (1, TIMES), 2, (-3.0, 3.0), last_linear="3.weight", last_bias="3.bias")
    own = {name: value[0] for name, value in parameters.items()}
    shared = [gradient(own, {}, series[i], labels[i]) for i in range(victims)]
    gradients = {name: torch.stack([one[name].detach() for one in shared]) for name in own}
    return Observation(gradients, parameters, {}, 10 + torch.arange(victims), task, 1, labels), labels
