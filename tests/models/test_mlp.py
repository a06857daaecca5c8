"""The fully connected networks, written plainly, and their second derivatives."""

from itertools import pairwise

import pytest
import torch
from second_derivatives import check_mapped
from torch import nn
from torch.nn import functional

from bench.models.introspect import introspect
from bench.models.mlp import MLP

DEFAULTS = {"width": 6, "layers": 2, "activation": "relu", "init_range": None, "mean": None, "std": None}


def build(**changes) -> MLP:
    torch.manual_seed(0)
    return MLP(**{**DEFAULTS, "shape": (3, 8, 8), "classes": 10, **changes})


def test_it_is_that_of_the_papers_written_plainly() -> None:
    """SPEAR: 3072-400-400-10 with ReLU, behind a normalisation by mean 0.5 and standard deviation 0.25."""
    model = build(width=400, mean=0.5, std=0.25, shape=(3, 32, 32))
    plain = nn.Sequential(
        nn.Flatten(), nn.Linear(3072, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 10)
    )
    with torch.no_grad():
        for target, source in zip(plain.parameters(), model.parameters(), strict=True):
            target.copy_(source)
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), plain((x - 0.5) / 0.25))


def test_inverting_gradients_network_has_as_many_parameters_as_the_formula_says() -> None:
    """The published file: 3072-1024-1024-1024-10."""
    widths = [3072, 1024, 1024, 1024, 10]
    expected = sum(a * b + b for a, b in pairwise(widths))
    assert sum(p.numel() for p in build(width=1024, layers=3, shape=(3, 32, 32)).parameters()) == expected


def test_weights_are_those_that_pytorch_draws() -> None:
    """U(-1/sqrt(inputs), 1/sqrt(inputs)) has deviation 1/sqrt(3 inputs), within 1 % over 76,800 draws; or U(-r, r)."""
    first = build(width=400).body[2].weight
    assert first.abs().max() <= 192**-0.5 and first.std().item() == pytest.approx((3 * 192) ** -0.5, rel=0.01)
    assert build(init_range=0.5).body[2].weight.abs().max() > 0.4


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "leaky_relu"])
def test_second_derivatives_mapped_over_victims_are_those_one_by_one(activation: str) -> None:
    check_mapped(build(activation=activation, mean=0.5, std=0.25), (3, 8, 8))


def test_it_can_be_attacked_many_victims_at_once_and_says_which_layer_is_last() -> None:
    facts = introspect(build(), functional.cross_entropy, (3, 8, 8), 10, 2)
    assert facts.mappable and (facts.last_linear, facts.last_bias) == ("fc.weight", "fc.bias")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": 0}, "width=0, layers=2: must both be >= 1"),
        ({"layers": 0}, "width=6, layers=0: must both be >= 1"),
        ({"activation": "swish"}, "no 'swish'"),
        ({"mean": 0.5}, "mean and std: want 3 numbers each"),
    ],
)
def test_bad_arguments_are_named(changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(**changes)
