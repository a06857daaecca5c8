"""Five lines for an engineer: is my training leaking?"""

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.errors import UserError
from bench.models.lenet import LeNet


@pytest.fixture
def image(parties):
    """One real CIFAR-10 image and its label."""
    victims = parties().data.deal([0])
    return victims.inputs[0], victims.labels[0]


def test_an_untrained_lenet_leaks_its_batch(image) -> None:
    torch.manual_seed(0)
    net = LeNet(12, (2, 2, 1), "sigmoid", 0.5, None, None, shape=(3, 32, 32), classes=10)
    before = [p.clone() for p in net.parameters()]
    found = bench.audit(net, functional.cross_entropy, image, "idlg")
    assert found.leaks
    assert found.labels.tolist() == image[1].tolist()
    assert float(found.scores["mse"]) == pytest.approx(float((found.inputs - image[0]).square().mean()), rel=1e-4)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters()))


def test_a_control_does_not_leak(image) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    assert not bench.audit(net, functional.cross_entropy, image, "noise").leaks


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x, y: (x * 2 - 1, y), r"\[0, 1\]"),
        (lambda x, y: (x[0], y), r"\[B, C, H, W\]"),
        (lambda x, y: (x, y + 20), r"0\.\.9"),
        (lambda x, y: (x[:, :1], y), "does not take images"),
    ],
)
def test_bad_batches_are_named(image, change, says: str) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    with pytest.raises(UserError, match=says):
        bench.audit(net, functional.cross_entropy, change(*image))


def test_unknown_attacks_get_a_near_match(image) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    with pytest.raises(UserError, match="did you mean 'idlg'"):
        bench.audit(net, functional.cross_entropy, image, "idgl")
