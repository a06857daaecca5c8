"""A known gradient of a first linear layer with noise on it, and what an attacker makes of it."""

import torch
from layer_gradients import ROUNDING, TOLERANCE, Known, known

from bench.attacks.exact.spear.factors import Factors, LayerGradient
from bench.attacks.exact.spear.noise import NoisyGradient, hidden


def with_noise(problem: Known, std: float, seed: int = 77) -> LayerGradient:
    """The gradient of a known problem with normal noise on each entry; the seed must not be that of the images."""
    random, layer = torch.Generator().manual_seed(seed), problem.layer
    of_weight, of_bias = (
        part + std * torch.randn(part.shape, generator=random, dtype=torch.float64)
        for part in (layer.of_weight, layer.of_bias)
    )
    return LayerGradient(of_weight, of_bias, layer.weight, layer.bias)


def noisy(batch: int, std: float) -> tuple[Known, NoisyGradient | None]:
    """A problem of 300 units and 100 pixels, and its gradient under noise; None if the noise hides nothing."""
    problem = known(batch, width=300, pixels=100)
    layer, random = with_noise(problem, std), torch.Generator().manual_seed(1)
    rounding = ROUNDING[torch.float32]
    factors = Factors.of(layer, rounding, TOLERANCE[torch.float32], batch, random)
    return problem, hidden(layer, factors, rounding)


def points(noisy: NoisyGradient, images: torch.Tensor) -> torch.Tensor:
    """The images in the basis of the span that the gradient shows."""
    return images @ (noisy.factors.images / noisy.factors.values[:, None]).mT
