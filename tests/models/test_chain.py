"""Protects: a model counts as a chain only if its layers, called one after the other, return what the model returns."""

import pytest
import torch
from torch import nn

from bench.models.chain import chain_of
from bench.models.lenet import LeNet
from bench.models.normalise import Normalise
from bench.models.resnet import ResNet


def net() -> nn.Sequential:
    return nn.Sequential(
        Normalise([0.5], [0.25]),
        nn.Conv2d(1, 3, 3, stride=2, padding=1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(3 * 16, 4),
    ).eval()


def test_each_layer_is_named_with_what_inverting_it_takes() -> None:
    layers = chain_of(net(), (1, 8, 8))
    kinds = ["normalise", "convolution", "leaky_relu", "identity", "flatten", "linear"]
    assert [layer.kind for layer in layers] == kinds and [layer.name for layer in layers] == list("012345")
    assert (layers[1].weight, layers[1].bias, layers[1].stride, layers[1].padding) == ("1.weight", None, (2, 2), (1, 1))
    assert layers[2].slope == 0.2 and (layers[5].weight, layers[5].bias) == ("5.weight", "5.bias")


def test_a_flatten_that_is_no_module_is_found() -> None:
    model = LeNet(4, [2, 2, 1], "sigmoid", 0.5, None, None, shape=(1, 12, 12), classes=3)
    kinds = [layer.kind for layer in chain_of(model, (1, 12, 12))]
    assert kinds == ["identity", *["convolution", "sigmoid"] * 3, "flatten", "linear"]


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 1, 3, padding=1), nn.Linear(64, 4)

    def forward(self, x):
        return self.second((x + self.first(x)).flatten(1))


class Twice(nn.Module):
    """Its second layer reads the image again."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 3), nn.Linear(64, 3)

    def forward(self, x):
        return self.first(x.flatten(1)) * self.second(x.flatten(1))


@pytest.mark.parametrize("model", [Skip(), Twice()], ids=["skip", "two branches"])
def test_a_model_with_a_second_way_is_no_chain(model) -> None:
    assert chain_of(model, (1, 8, 8)) is None


def test_a_resnet_is_no_chain() -> None:
    torch.manual_seed(0)
    model = ResNet(1, 4, [1, 2, 2], "relu", "none", None, None, None, shape=(1, 8, 8), classes=3)
    assert chain_of(model, (1, 8, 8)) is None


def test_what_is_unknown_keeps_the_name_of_its_class() -> None:
    odd = nn.Conv2d(1, 2, 3, groups=1, dilation=2)
    model = nn.Sequential(odd, nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    kinds = [layer.kind for layer in chain_of(model, (1, 8, 8))]
    assert kinds[0].startswith("Conv2d with") and kinds[1:3] == ["MaxPool2d", "relu"]


def test_a_softplus_of_another_steepness_is_not_taken_for_the_plain_one() -> None:
    """R-GAP inverts log(1 + exp(z)); it has to refuse log(1 + exp(2 z)) / 2."""
    layers = chain_of(nn.Sequential(nn.Flatten(), nn.Softplus(), nn.Softplus(beta=2.0), nn.Linear(4, 3)), (1, 2, 2))
    assert [layer.kind for layer in layers[1:3]] == ["softplus", "Softplus with beta=2.0"]
