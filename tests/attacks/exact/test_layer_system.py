"""Protects: the input of a convolution solves its equations exactly, and is refused where they leave it open."""

import pytest
import torch
from torch.nn import functional

from bench.attacks.exact.layer_system import Convolution, rank_of, solve

# (input, weight, stride, padding): gradient alone; weights of stride 2; both needed; a linear layer
LAYERS = {
    "by the gradient": ((4, 6, 6), (8, 4, 3, 3), (1, 1), (1, 1)),
    "by the weights": ((1, 9, 9), (2, 1, 3, 3), (1, 1), (1, 1)),
    "by both": ((3, 16, 16), (12, 3, 4, 4), (2, 2), (2, 2)),
    "a linear layer": ((10, 1, 1), (4, 10, 1, 1), (1, 1), (0, 0)),
}


def layer(name: str, seed: int = 0):
    shape, weight, stride, padding = LAYERS[name]
    generator = torch.Generator().manual_seed(seed)

    def draw(*of):
        return torch.randn(*of, generator=generator, dtype=torch.float64)

    made = Convolution(draw(*weight) / weight[1], draw(weight[0]), stride, padding, shape)
    x, slope = draw(*shape), draw(*made.output)
    free = made.weight.clone().requires_grad_()
    z = functional.conv2d(x[None], free, made.bias, stride, padding)[0]
    (gradient,) = torch.autograd.grad((z * slope).sum(), free)
    return made, x, slope, z.detach(), gradient


@pytest.mark.parametrize("name", LAYERS)
def test_the_input_is_exact(name) -> None:
    made, x, slope, z, gradient = layer(name)
    rank = rank_of("first", made)
    assert rank.suffices and rank.unknowns == x.numel()
    found = solve(made, gradient, slope, z, torch.ones_like(z, dtype=torch.bool), 1e-9)
    torch.testing.assert_close(found, x, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", LAYERS)
def test_the_equations_are_those_of_autograd(name) -> None:
    made, x, slope, z, gradient = layer(name)
    told = made.gradient_block(slope) @ x.flatten(1).T  # [O k k, C]
    torch.testing.assert_close(told, gradient.transpose(0, 1).flatten(1).T)
    free = x.clone().requires_grad_()
    (back,) = torch.autograd.grad((made(free[None])[0] * slope).sum(), free)
    torch.testing.assert_close(made.back(slope), back)
    assert tuple(z.shape) == made.output


def test_outputs_that_are_not_known_are_not_used() -> None:
    made, x, slope, z, gradient = layer("by both")
    known = torch.rand(z.shape, generator=torch.Generator().manual_seed(1)) > 0.05
    found = solve(made, gradient, slope, torch.where(known, z, torch.nan), known, 1e-9)
    assert found is None or found.isfinite().all()
    made, x, slope, z, gradient = layer("by the gradient")
    nothing = torch.zeros_like(z, dtype=torch.bool)
    torch.testing.assert_close(solve(made, gradient, slope, z, nothing, 1e-9), x, rtol=1e-8, atol=1e-8)


def test_a_layer_that_narrows_too_much_is_known_beforehand() -> None:
    shape, few = (3, 16, 16), torch.randn(4, 3, 3, 3, dtype=torch.float64)
    made = Convolution(few, None, (2, 2), (1, 1), shape)
    rank = rank_of("first", made)
    assert (rank.unknowns, rank.by_gradient, rank.by_weight) == (768, 3 * 36, 4 * 64) and not rank.suffices
    x, slope = torch.randn(*shape, dtype=torch.float64), torch.randn(*made.output, dtype=torch.float64)
    z = made(x[None])[0]
    assert solve(made, torch.zeros_like(few), slope, z, torch.ones_like(z, dtype=torch.bool), 1e-9) is None


def test_equations_that_only_count_as_enough_give_nothing() -> None:
    """Every second filter repeats the one before it: as many equations, half the rank."""
    made, x, slope, _, _ = layer("by the weights")
    weight = made.weight[:1].repeat(2, 1, 1, 1)
    twin = Convolution(weight, None, (2, 2), (1, 1), (1, 9, 9))
    slope = torch.zeros(twin.output, dtype=torch.float64)
    slope[0, 0, 0] = 1.0
    output = twin(x[None])[0]
    gradient = torch.zeros_like(weight)
    assert solve(twin, gradient, slope, output, torch.ones_like(output, dtype=torch.bool), 1e-9) is None
    assert solve(twin, gradient, 0 * slope, output, torch.ones_like(output, dtype=torch.bool), 1e-9) is None
