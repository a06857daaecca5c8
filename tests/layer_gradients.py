"""Gradients of a small network's first linear layer, with the truth beside them: images, and dL/dZ of each unit."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.attacks.exact.spear.factors import Factors, LayerGradient

ROUNDING = {torch.float32: 5e-8, torch.float64: 1e-13}
TOLERANCE = {torch.float32: 3e-6, torch.float64: 1e-10}


@dataclass(eq=False)
class Known:
    """A layer's gradient (of live units only) and what it was computed of.

    Args:
        layer: what an attacker sees.
        images: `[B, n]`, the layer's inputs.
        slopes: `[B, m]`, dL/dZ: what it is zero at is dead.
        factors: of the layer.
    """

    layer: LayerGradient
    images: Tensor
    slopes: Tensor
    factors: Factors

    @property
    def directions(self) -> Tensor:
        """The columns of Q, as unit rows `[B, B]`, in the order of the images."""
        q = self.slopes @ self.factors.left
        return q / q.norm(dim=1, keepdim=True)


def known(
    batch: int, width: int = 64, pixels: int = 48, dtype: torch.dtype = torch.float64, seed: int = 0, mean: float = 0.0
) -> Known:
    """Normal images around `mean`, through `width` units with ReLU twice, and a cross entropy over ten classes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, second = nn.Linear(pixels, width, dtype=dtype), nn.Linear(width, width, dtype=dtype)
        last = nn.Linear(width, 10, dtype=dtype)
    images = (mean + torch.randn(batch, pixels, generator=generator, dtype=torch.float64)).to(dtype)
    labels = torch.randint(10, (batch,), generator=generator)
    reached = first(images)
    reached.retain_grad()
    loss = nn.functional.cross_entropy(last(second(reached.relu()).relu()), labels)
    loss.backward()
    of_weight, of_bias = first.weight.grad, first.bias.grad
    whole = LayerGradient(
        of_weight.double(), of_bias.double(), first.weight.detach().double(), first.bias.detach().double()
    )
    layer, slopes = whole.live(), reached.grad.double()[:, of_weight.abs().amax(1) > 0]
    random = torch.Generator().manual_seed(1)
    factors = Factors.of(layer, ROUNDING[dtype], TOLERANCE[dtype], None, random)
    return Known(layer, images.double(), slopes, factors)


def same_up_to_sign(found: Tensor, wanted: Tensor) -> Tensor:
    """1 - |cosine| of each of `wanted` `[k, r]` to the nearest of `found` `[n, r]`: `[k]`."""
    return 1 - (wanted @ found.mT).abs().amax(1)
