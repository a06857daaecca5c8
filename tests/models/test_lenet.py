"""The network of the Deep Leakage code, to the parameter."""

import pytest
import torch

from bench.models.lenet import LeNet
from bench.models.normalise import Normalise

DEFAULTS = {"width": 12, "strides": (2, 2, 1), "activation": "sigmoid", "init_range": 0.5, "mean": None, "std": None}


def build(**changes) -> LeNet:
    return LeNet(**{**DEFAULTS, "shape": (3, 32, 32), "classes": 100, **changes})


@pytest.mark.parametrize(("shape", "features"), [((1, 28, 28), 588), ((3, 32, 32), 768)])
def test_features_are_those_of_the_papers(shape: tuple[int, int, int], features: int) -> None:
    """REFERENCE: hidden 588 for MNIST in the code of iDLG, 768 for 32x32 in that of DLG."""
    assert build(shape=shape).fc.in_features == features


def test_equals_the_published_network_written_plainly() -> None:
    model = build()
    plain = torch.nn.Sequential(
        torch.nn.Conv2d(3, 12, 5, padding=2, stride=2),
        torch.nn.Sigmoid(),
        torch.nn.Conv2d(12, 12, 5, padding=2, stride=2),
        torch.nn.Sigmoid(),
        torch.nn.Conv2d(12, 12, 5, padding=2, stride=1),
        torch.nn.Sigmoid(),
        torch.nn.Flatten(),
        torch.nn.Linear(768, 100),
    )
    with torch.no_grad():
        for target, source in zip(plain.parameters(), model.parameters()):
            target.copy_(source)
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), plain(x))
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in plain.parameters())


def test_weights_and_biases_are_uniform_on_half() -> None:
    """U(-0.5, 0.5) has standard deviation 0.5 / sqrt(3); over 84,716 draws its estimate is within 0.001 of it."""
    torch.manual_seed(0)
    drawn = torch.cat([p.flatten() for p in build().parameters()])
    assert drawn.abs().max() <= 0.5
    assert drawn.std().item() == pytest.approx(0.5 / 3**0.5, abs=0.002)


def test_removing_strides_keeps_the_resolution() -> None:
    assert build(strides=(1, 1, 1)).fc.in_features == 12 * 32 * 32


def test_normalisation_is_the_first_layer() -> None:
    model = build(mean=[0.5, 0.4, 0.3], std=[0.2, 0.3, 0.4])
    assert isinstance(model.body[0], Normalise)
    x = torch.rand(2, 3, 32, 32)
    by_hand = (x - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    torch.testing.assert_close(model.body[0](x), by_hand)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"activation": "sigmoyd"}, "sigmoyd"),
        ({"strides": (2, 2)}, "three strides"),
        ({"width": 0}, "width=0"),
        ({"init_range": -1.0}, "init_range"),
        ({"mean": [0.5]}, "3 numbers"),
        ({"mean": [0.5] * 3, "std": [0.0] * 3}, "std"),
    ],
)
def test_bad_arguments_are_named(changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(**changes)
