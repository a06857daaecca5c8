"""Layer normalisation: torch's own values, and the derivative of a mapped gradient, which torch's own gets wrong."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from bench.models.layer_norm import LayerNorm, in_steps


def network(norm=nn.LayerNorm, **arguments) -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(5, 6), norm(6, **arguments), nn.Linear(6, 3)).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def slopes(model: nn.Module) -> tuple[float, float]:
    """A function of a mapped gradient: its derivative along a direction by autograd, and by differences (1e-6)."""
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    gradient = vmap(grad(lambda p, x: functional_call(model, p, (x,)).pow(3).sum()), in_dims=(None, 0))

    def size(x: torch.Tensor) -> torch.Tensor:
        return sum(value.sin().sum() for value in gradient(parameters, x).values())

    generator = torch.Generator().manual_seed(1)
    x, d = (torch.randn(4, 7, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    point = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(size(point), point)
    return float((slope * d).sum()), float((size(x + 1e-6 * d) - size(x - 1e-6 * d)).detach() / 2e-6)


@pytest.mark.parametrize("arguments", [{}, {"bias": False}, {"elementwise_affine": False}, {"eps": 0.3}], ids=str)
def test_values_are_torchs_and_the_derivative_of_a_mapped_gradient_is_that_of_differences(arguments) -> None:
    theirs = network(**arguments)
    ours = in_steps(copy.deepcopy(theirs))
    assert type(ours[1]) is LayerNorm and list(ours.state_dict()) == list(theirs.state_dict())
    x = torch.randn(4, 7, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
    by_autograd, by_differences = slopes(ours)
    assert by_autograd == pytest.approx(by_differences, rel=1e-5)


def test_parameters_are_the_networks_own_and_a_layer_inside_a_layer_is_found() -> None:
    inner = network()
    weight, bias = inner[1].weight, inner[1].bias
    outer = in_steps(nn.ModuleDict({"inside": nn.Sequential(inner)}).eval())
    found = outer["inside"][0][1]
    assert found.weight is weight and found.bias is bias and not found.training
