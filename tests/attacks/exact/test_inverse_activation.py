"""Protects: an activation is inverted exactly, with its derivative, and a ReLU only where it tells what entered."""

import pytest
import torch

from bench.attacks.exact.inverse_activation import entered, invertible
from bench.models.activations import activation


@pytest.mark.parametrize("kind", invertible())
def test_what_entered_and_the_slope_are_those_of_torch(kind) -> None:
    module = activation(kind)
    z = torch.linspace(-6, 6, 40, dtype=torch.float64, requires_grad=True)
    output = module(z)
    (slope,) = torch.autograd.grad(output.sum(), z)
    found = entered(kind, output.detach(), getattr(module, "negative_slope", getattr(module, "alpha", 0.0)))
    torch.testing.assert_close(found.slope, slope, rtol=1e-8, atol=1e-12)
    assert found.known.sum() == (20 if kind == "relu" else 40)
    torch.testing.assert_close(found.value[found.known], z.detach()[found.known], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("kind", ["sigmoid", "tanh", "softplus", "elu"])
def test_what_no_activation_returns_gives_finite_values(kind) -> None:
    found = entered(kind, torch.tensor([-1.5, 1.5], dtype=torch.float64), 1.0)
    assert found.value.isfinite().all() and found.slope.isfinite().all()
