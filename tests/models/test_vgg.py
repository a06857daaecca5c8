"""VGG-11 against torchvision's, and its second derivatives."""

import pytest
import torch
import torchvision
from second_derivatives import check_mapped
from torch import nn
from torch.nn import functional

from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import introspect
from bench.models.vgg import VGG11

DEFAULTS = {"width": 64, "activation": "relu", "norm": "batch", "init_range": None, "mean": None, "std": None}


def build(**changes) -> VGG11:
    torch.manual_seed(0)
    return VGG11(**{**DEFAULTS, "shape": (3, 32, 32), "classes": 10, **changes})


@pytest.mark.parametrize(("norm", "name"), [("batch", "vgg11_bn"), ("none", "vgg11")])
def test_torchvisions_features_with_one_linear_layer_give_the_same_logits_and_gradients(norm: str, name: str) -> None:
    ours = build(norm=norm).train()
    with torch.device("meta"):  # 124 million weights of the three linear layers are never drawn
        features = getattr(torchvision.models, name)().features
    other = nn.Sequential(features.to_empty(device="cpu"), nn.Flatten(), nn.Linear(512, 10)).train()
    other[0].load_state_dict(ours.features.state_dict())  # strict: the names are the same
    other[2].load_state_dict(ours.fc.state_dict())
    x, labels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.tensor([3, 7])
    logits = [model(x) for model in (ours, other)]
    torch.testing.assert_close(*logits, rtol=1e-5, atol=1e-6)
    gradients = [
        torch.autograd.grad(functional.cross_entropy(found, labels), list(model.parameters()))
        for found, model in zip(logits, (ours, other), strict=True)
    ]
    for mine, their in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, their, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("norm", "train"), [("batch", False), ("batch", True), ("group", False), ("none", False)])
def test_second_derivatives_mapped_over_victims_are_those_one_by_one(norm: str, train: bool) -> None:
    # the last convolutions see 2x2 pixels: GroupNorm of single values would be constant
    model = build(width=1, norm=norm, activation="tanh", shape=(1, 17, 17)).train(train)
    if train:
        torch.func.replace_all_batch_norm_modules_(model)  # as the client does
    replace_norms(model)
    check_mapped(model, (1, 17, 17))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 48)])
def test_it_can_be_attacked_many_victims_at_once_and_says_which_layer_is_last(shape: tuple[int, int, int]) -> None:
    facts = introspect(build(width=4, shape=shape).eval(), functional.cross_entropy, shape, 10, 1)
    assert facts.mappable and (facts.last_linear, facts.last_bias) == ("fc.weight", "fc.bias")


@pytest.mark.parametrize(("changes", "says"), [({"width": 0}, "width=0"), ({"norm": "layer"}, "batch, group, none")])
def test_bad_arguments_are_named(changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(**changes)
