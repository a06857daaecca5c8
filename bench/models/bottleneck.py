"""A variational bottleneck before a linear layer (Scheliga, Maeder and Seeland 2022, arXiv 2108.04725, PRECODE)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models.penalties import Penalised

_CHILD = "precode"  # no word that other networks call a part of theirs
NOISE = f"{_CHILD}.latent.noise"  # name of the buffer below the layer that holds a bottleneck


def mean_and_deviation(statistics: Tensor) -> tuple[Tensor, Tensor]:
    """`[B, 2k]` -> mu and sigma, `[B, k]` each: the first half, and the softplus of the second."""
    mean, raw = statistics.chunk(2, -1)
    return mean, functional.softplus(raw)


def divergence(mean: Tensor, deviation: Tensor) -> Tensor:
    """KL(N(mean, deviation^2) || N(0, 1)) in nats, summed over the last dimension: `[B, k]` -> `[B]`.

    Example:
        >>> divergence(torch.tensor([[0.0, 2.0]]), torch.ones(1, 2))
        tensor([2.])
    """
    return (0.5 * (mean.square() + deviation.square() - 1) - deviation.log()).sum(-1)


class Latent(Penalised):
    """Draws z = mu + sigma * noise, and adds beta * KL(N(mu, sigma^2) || N(0, 1)) / ln 2 to the loss.

    No random number is drawn here. The noise is the buffer `noise`, zeros as the model is built, so that z is the mean.
    A client replaces it by `[B, k]` standard normal numbers for each call (`torch.func.functional_call`).

    Args:
        width: k, entries of z.
        beta: the weight of the divergence in bits, >= 0.
    """

    noise: Tensor

    def __init__(self, width: int, beta: float) -> None:
        super().__init__()
        self.beta = beta
        # It is no weight: a file of weights does not hold it.
        self.register_buffer("noise", torch.zeros(1, width), persistent=False)

    def forward(self, statistics: Tensor) -> Tensor:
        """`[B, 2k]` -> z `[B, k]`."""
        mean, deviation = mean_and_deviation(statistics)
        return mean + deviation * self.noise

    def penalty(self, inputs: Tensor) -> Tensor:
        """See `Penalised.penalty`: beta times the mean divergence over the batch, in bits.

        Args:
            inputs: `[B, 2k]`.
        """
        return self.beta / math.log(2) * divergence(*mean_and_deviation(inputs)).mean()


def add_bottleneck(layer: nn.Linear, width: int, beta: float) -> None:
    """Puts a bottleneck before a linear layer, in place: what the layer reads is decoder(z), z drawn by encoder(input).

    The layer keeps its name and weights. The bottleneck is a part of it, so that a copy of the model has its own. Its
    weights are PyTorch's own initialisation, made in float32 on the processor, from the global generator.

    Args:
        layer: reads `[B, d]`.
        width: k, entries of z.
        beta: see `Latent`.
    """
    parts: dict[str, nn.Module] = {
        "encoder": nn.Linear(layer.in_features, 2 * width),
        "latent": Latent(width, beta),
        "decoder": nn.Linear(width, layer.in_features),
    }
    layer.add_module(_CHILD, nn.Sequential(OrderedDict(parts)).to(layer.weight.device, layer.weight.dtype))
    layer.register_forward_pre_hook(_through_bottleneck)


def layers_behind(names: Iterable[str]) -> tuple[str, ...]:
    """What the names of the parameters of each layer with a bottleneck begin with, those of the bottleneck included.

    Args:
        names: names of the model's parameters.

    Example:
        >>> layers_behind(["body.weight", "fc.weight", "fc.precode.encoder.weight", "fc.precode.encoder.bias"])
        ('fc.',)
    """
    found = (f".{name}".partition(f".{_CHILD}.") for name in names)
    return tuple(dict.fromkeys(f"{before}.".removeprefix(".") for before, child, _ in found if child))


def _through_bottleneck(layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor]:
    return (layer.get_submodule(_CHILD)(given[0]),)
