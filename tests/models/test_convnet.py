"""The ConvNet of the Inverting Gradients code, to the parameter."""

from collections import OrderedDict
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench.models.convnet import ConvNet
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import introspect

DEFAULTS = {"width": 4, "activation": "relu", "norm": "batch", "init_range": None, "mean": None, "std": None}


def build(**changes) -> ConvNet:
    return ConvNet(**{**DEFAULTS, "shape": (3, 32, 32), "classes": 10, **changes})


def published(width: int, channels: int) -> nn.Sequential:
    """Layer by layer, as the published file lists them: eight convolutions, pooled after the sixth and the eighth."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    plan = [(1, 0), (2, 1), (2, 2), (4, 2), (4, 4), (4, 4), (4, 4), (4, 4)]
    for i, (outside, inside) in enumerate(plan):
        layers[f"conv{i}"] = nn.Conv2d(inside * width or channels, outside * width, kernel_size=3, padding=1)
        layers[f"bn{i}"] = nn.BatchNorm2d(outside * width)
        layers[f"relu{i}"] = nn.ReLU()
        if i in (5, 7):
            layers[f"pool{i}"] = nn.MaxPool2d(3)
    layers["flatten"] = nn.Flatten()
    layers["linear"] = nn.Linear(36 * width, 10)
    return nn.Sequential(layers)


@pytest.mark.parametrize(("shape", "training"), [((3, 32, 32), True), ((1, 28, 28), False)])
def test_equals_the_published_network(shape: tuple[int, int, int], training: bool) -> None:
    model, plain = build(shape=shape).train(training), published(4, shape[0]).train(training)
    plain.load_state_dict(dict(zip(plain.state_dict(), model.state_dict().values(), strict=True)))
    x = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), plain(x))


def test_the_published_width_has_as_many_parameters_as_the_formula_says() -> None:
    """The formula: 9 * sum(in * out) + biases, 2 a normalised channel, and the linear layer."""
    widths = [3, 64, 128, 128, 256, 256, 256, 256, 256]
    expected = sum(9 * a * b + b + 2 * b for a, b in pairwise(widths)) + 36 * 64 * 10 + 10
    assert sum(p.numel() for p in build(width=64).parameters()) == expected


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
@pytest.mark.parametrize("train", [False, True])
def test_it_can_be_attacked(norm: str, train: bool) -> None:
    model = build(norm=norm, shape=(1, 28, 28)).train(train)
    if train:
        torch.func.replace_all_batch_norm_modules_(model)  # as the client does
    replace_norms(model)
    facts = introspect(model, functional.cross_entropy, (1, 28, 28), 10, 2)
    assert facts.last_linear == "fc.weight"
    assert facts.mappable


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"width": 0}, "width=0"), ({"shape": (1, 8, 28)}, "9x9"), ({"norm": "layer"}, "batch, group, none")],
)
def test_bad_arguments_are_named(changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(**changes)
