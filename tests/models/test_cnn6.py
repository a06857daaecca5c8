"""CNN6 of R-GAP, layer by layer as published."""

import pytest
import torch
from second_derivatives import check_mapped
from torch import nn
from torch.nn import functional

from bench.models.cnn6 import CNN6
from bench.models.introspect import introspect

DEFAULTS = {"slope": 0.2, "last_bias": True, "init_range": None, "mean": None, "std": None}


def build(**changes) -> CNN6:
    torch.manual_seed(0)
    return CNN6(**{**DEFAULTS, "shape": (3, 32, 32), "classes": 10, **changes})


def test_it_is_the_published_network_written_plainly() -> None:
    """3,200 features for CIFAR-10, no bias but that of the last layer, and a leaky ReLU of slope 0.2."""
    model = build(last_bias=False, classes=1)
    rows = [(3, 12, 4, 2, 2), (12, 36, 3, 2, 1), (36, 36, 3, 1, 1), (36, 36, 3, 1, 1), (36, 64, 3, 2, 1)]
    plain = nn.Sequential()
    for a, b, side, stride, padding in [*rows, (64, 128, 3, 1, 1)]:
        plain.append(nn.Conv2d(a, b, side, stride=stride, padding=padding, bias=False)).append(nn.LeakyReLU(0.2))
    plain.append(nn.Flatten()).append(nn.Linear(3200, 1, bias=False))
    with torch.no_grad():
        for target, source in zip(plain.parameters(), model.parameters(), strict=True):
            target.copy_(source)
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), plain(x))


def test_each_convolution_gives_as_many_equations_as_it_has_inputs() -> None:
    """Its outputs and the entries of its weight's gradient; without that, nothing can be solved for."""
    model, x = build(), torch.rand(1, 3, 32, 32)
    for layer in model.body:
        if isinstance(layer, nn.Conv2d):
            assert layer(x).numel() + layer.weight.numel() >= x.numel()
        x = layer(x)


def test_second_derivatives_mapped_over_victims_are_those_one_by_one() -> None:
    check_mapped(build(shape=(1, 16, 16), mean=0.5, std=0.25), (1, 16, 16))


@pytest.mark.parametrize("last_bias", [True, False])
def test_it_can_be_attacked_many_victims_at_once_and_says_which_layer_is_last(last_bias: bool) -> None:
    facts = introspect(build(last_bias=last_bias), functional.cross_entropy, (3, 32, 32), 10, 1)
    assert facts.mappable and facts.last_linear == "fc.weight"
    assert facts.last_bias == ("fc.bias" if last_bias else None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"slope": 0.0}, "slope=0.0: must be between 0 and 1"),
        ({"slope": 1.0}, "slope=1.0: must be between 0 and 1"),
        ({"std": 0.5}, "mean and std: want 3 numbers each"),
    ],
)
def test_bad_arguments_are_named(changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(**changes)
