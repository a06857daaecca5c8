"""LeNet-5 as the code of iLRG has it, to the parameter."""

import pytest
import torch
from second_derivatives import check_mapped
from torch import nn
from torch.nn import functional

from bench.models.introspect import introspect
from bench.models.lenet5 import LeNet5

DEFAULTS = {"activation": "relu", "init_range": None, "mean": None, "std": None}


def build(**changes) -> LeNet5:
    torch.manual_seed(0)
    return LeNet5(**{**DEFAULTS, "shape": (3, 32, 32), "classes": 100, **changes})


@pytest.mark.parametrize(("shape", "features"), [((1, 28, 28), 256), ((3, 32, 32), 400)])
def test_it_is_the_published_network_written_plainly(shape: tuple[int, int, int], features: int) -> None:
    """Features as in the comment of the published file: 256 for MNIST, 400 for CIFAR."""
    model = build(shape=shape)
    plain = nn.Sequential(
        nn.Conv2d(shape[0], 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(features, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 100),
    )
    with torch.no_grad():
        for target, source in zip(plain.parameters(), model.parameters(), strict=True):
            target.copy_(source)
    x = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), plain(x))


def test_weights_are_drawn_as_published() -> None:
    """Convolutions: normal of deviation sqrt(2 / (filters * 25)), 2,400 draws, so within 5 %; linear: PyTorch's own."""
    model = build()
    second = model.body[4].weight
    assert second.std().item() == pytest.approx((2 / (16 * 25)) ** 0.5, rel=0.05)
    assert second.abs().max() > 0.15  # of a uniform draw of that deviation, none is above 0.13
    assert model.hidden[0].weight.abs().max() <= 400**-0.5
    assert build(init_range=0.5).body[4].weight.abs().max() <= 0.5


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "silu"])
def test_second_derivatives_mapped_over_victims_are_those_one_by_one(activation: str) -> None:
    check_mapped(build(activation=activation, shape=(1, 28, 28), mean=0.5, std=0.25), (1, 28, 28))


def test_it_can_be_attacked_many_victims_at_once_and_says_which_layer_is_last() -> None:
    facts = introspect(build(), functional.cross_entropy, (3, 32, 32), 100, 2)
    assert facts.mappable and (facts.last_linear, facts.last_bias) == ("fc.weight", "fc.bias")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"shape": (1, 15, 28)}, "images of 15x28: want at least 16x16"),
        ({"activation": "swish"}, "no 'swish'"),
        ({"mean": [0.5, 0.5], "std": 0.5}, "mean and std: want 3 numbers each"),
    ],
)
def test_bad_arguments_are_named(changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(**changes)
