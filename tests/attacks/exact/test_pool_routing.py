"""The routing of a max-pooling and the input before it are found exactly, or nothing is returned."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from bench.attacks.exact.layer_system import Convolution
from bench.attacks.exact.pool_routing import PooledLayer, folded, input_of, known_slope

SIDE, CHANNELS, FILTERS = 6, 3, 24


def smooth(count: int, seed: int) -> torch.Tensor:
    """Non-negative inputs `[n, C, H, W]` that vary slowly."""
    noise = torch.randn(count, CHANNELS, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 1 + 0.2 * functional.interpolate(noise, size=(SIDE, SIDE), mode="bicubic")


def problem(seed: int = 0) -> tuple[PooledLayer, torch.Tensor, torch.Tensor]:
    """The layer, its true input and the true dL/dz, which autograd computes through torch's own pooling."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(FILTERS, CHANNELS, 3, 3, generator=generator, dtype=torch.float64)
    bias = torch.randn(FILTERS, generator=generator, dtype=torch.float64)
    above = torch.randn(FILTERS, 2, 2, generator=generator, dtype=torch.float64)
    truth = smooth(1, seed + 100)
    weight.requires_grad_()
    z = functional.conv2d(truth, weight, bias, padding=1)
    z.retain_grad()
    pooled = functional.max_pool2d(z.relu(), 3)
    (pooled[0] * above).sum().backward()
    assert weight.grad is not None and z.grad is not None
    layer = Convolution(weight.detach(), bias, (1, 1), (1, 1), (CHANNELS, SIDE, SIDE))
    places = torch.arange(SIDE * SIDE).view(SIDE, SIDE)
    windows = torch.stack([places[3 * i : 3 * i + 3, 3 * j : 3 * j + 3].flatten() for i in (0, 1) for j in (0, 1)])
    value = pooled.detach()[0].flatten(1)
    observed = PooledLayer(layer, windows, weight.grad.flatten(1), value, above.flatten(1) * (value > 0))
    return observed, truth[0], z.grad[0]


@pytest.mark.parametrize("seed", range(3))
def test_the_input_and_the_slope_are_exact(seed: int) -> None:
    """The routing at the start, that of the mean of other inputs, is not the true one."""
    observed, truth, slope = problem(seed)
    examples = smooth(32, 7)
    z = observed.outputs(observed.patches(examples.mean(0)))
    assert not torch.equal(observed.slopes(observed.routing(z)), slope)
    found = input_of(observed, examples, starts=8)
    assert found is not None
    torch.testing.assert_close(found[0], truth, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(found[1], slope)


def test_nothing_is_returned_that_is_not_exact() -> None:
    """A gradient with noise, a gradient of zero, and fewer equations than unknowns."""
    observed, _, _ = problem()
    noise = torch.randn(observed.gradient.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    size = observed.gradient.std()
    assert input_of(replace(observed, gradient=observed.gradient + 0.1 * size * noise), smooth(32, 7), 1) is None
    assert input_of(replace(observed, slope=torch.zeros_like(observed.slope)), smooth(32, 7), 1) is None
    few = replace(observed.layer, weight=observed.layer.weight[:3], bias=observed.layer.bias[:3])
    short = PooledLayer(few, observed.windows, observed.gradient[:3], observed.pooled[:3], observed.slope[:3])
    assert input_of(short, smooth(32, 7), 1) is None


def test_a_known_slope_gives_the_input_and_a_wrong_one_nothing() -> None:
    observed, truth, slope = problem(1)
    found = known_slope(observed.layer, observed.gradient, slope)
    assert found is not None
    torch.testing.assert_close(found, truth)
    assert known_slope(observed.layer, observed.gradient, slope.roll(1, 2)) is None
    assert known_slope(observed.layer, observed.gradient, torch.zeros_like(slope)) is None


@pytest.mark.parametrize("biased", [True, False])
def test_a_folded_convolution_is_scaled_and_shifted(biased: bool) -> None:
    observed, truth, _ = problem()
    layer = observed.layer if biased else replace(observed.layer, bias=None)
    generator = torch.Generator().manual_seed(5)
    scale, shift = (torch.rand(FILTERS, generator=generator, dtype=torch.float64) for _ in range(2))
    z = functional.conv2d(truth[None], layer.weight, layer.bias, padding=1)[0]
    both = folded(layer, scale, shift)
    assert both.bias is not None
    torch.testing.assert_close(
        both(truth[None])[0] + both.bias.view(-1, 1, 1), z * scale.view(-1, 1, 1) + shift.view(-1, 1, 1)
    )
