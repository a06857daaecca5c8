"""ResNet-18 against torchvision's, and its second derivatives."""

import pytest
import torch
import torchvision
from second_derivatives import check_mapped
from torch import nn
from torch.nn import functional

from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import introspect
from bench.models.resnet18 import ResNet18

DEFAULTS = {"width": 64, "stem": "small", "activation": "relu", "norm": "batch"}
DEFAULTS |= {"init_range": None, "mean": None, "std": None}


def build(**changes) -> ResNet18:
    torch.manual_seed(0)
    return ResNet18(**{**DEFAULTS, "shape": (3, 32, 32), "classes": 10, **changes})


def theirs(stem: str) -> nn.Module:
    """torchvision's own; for small images its first layers are replaced, as most work on CIFAR does it."""
    model = torchvision.models.resnet18(num_classes=10)
    if stem == "small":
        model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        model.maxpool = nn.Identity()
    return model


@pytest.mark.parametrize(("stem", "training"), [("small", True), ("large", False)])
def test_torchvisions_weights_give_its_logits_and_gradients(stem: str, training: bool) -> None:
    ours, other = build(stem=stem).train(training), theirs(stem).train(training)
    other.load_state_dict(ours.state_dict())  # strict: the names are the same
    x, labels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.tensor([3, 7])
    logits = [model(x) for model in (ours, other)]
    torch.testing.assert_close(*logits, rtol=1e-5, atol=1e-5)
    gradients = [
        torch.autograd.grad(functional.cross_entropy(found, labels), list(model.parameters()))
        for found, model in zip(logits, (ours, other), strict=True)
    ]
    for mine, their in zip(*gradients, strict=True):
        assert mine.abs().max() > 0
        torch.testing.assert_close(mine, their, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("norm", "train"), [("batch", False), ("batch", True), ("group", False), ("none", False)])
def test_second_derivatives_mapped_over_victims_are_those_one_by_one(norm: str, train: bool) -> None:
    # the last block sees 2x2 pixels: GroupNorm of single values would be constant
    model = build(width=1, norm=norm, activation="tanh", shape=(1, 9, 9)).train(train)
    if train:
        torch.func.replace_all_batch_norm_modules_(model)  # as the client does
    replace_norms(model)
    check_mapped(model, (1, 9, 9))


@pytest.mark.parametrize("stem", ["small", "large"])
def test_it_can_be_attacked_many_victims_at_once_and_says_which_layer_is_last(stem: str) -> None:
    facts = introspect(build(width=4, stem=stem).eval(), functional.cross_entropy, (3, 32, 32), 10, 1)
    assert facts.mappable and (facts.last_linear, facts.last_bias) == ("fc.weight", "fc.bias")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": 0}, "width=0: must be >= 1"),
        ({"stem": "cifar"}, "stem: no 'cifar'; there is small, large"),
        ({"norm": "layer"}, "batch, group, none"),
    ],
)
def test_bad_arguments_are_named(changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(**changes)
