"""Activations by name, each with the second derivative that gradient matching needs."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench.models.activations import ACTIVATIONS, activation
from bench.models.introspect import introspect

PIECEWISE_LINEAR = {"relu", "leaky_relu"}


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_has_a_second_derivative(name: str) -> None:
    """In a network, whose facts are found in spite of it."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 6), activation(name), nn.Linear(6, 4))
    facts = introspect(model, functional.cross_entropy, (3, 8, 8), 4, 2)
    assert facts == type(facts)(192 * 6 + 6 + 24 + 4, "3.weight", "3.bias", True)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_second_derivative_is_zero_of_the_piecewise_linear_ones_only(name: str) -> None:
    x = torch.tensor([-1.5, -0.3, 0.4, 2.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(activation(name)(x).sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad((slope * slope).sum(), x, allow_unused=True)
    assert (bend is None or not bend.any()) == (name in PIECEWISE_LINEAR)


def test_another_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no 'swish'; there is sigmoid, tanh, .*relu"):
        activation("swish")
