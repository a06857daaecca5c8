"""ResNet-20 and its switches, and the deeper ones that are its options."""

import pytest
import torch
from omegaconf import OmegaConf
from second_derivatives import check_mapped
from torch.nn import functional

from bench.config import options
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import introspect
from bench.models.resnet import ResNet

DEFAULTS = {
    "blocks": 3,
    "width": 16,
    "strides": (1, 2, 2),
    "activation": "sigmoid",
    "norm": "batch",
    "init_range": None,
    "mean": None,
    "std": None,
}


def build(**changes) -> ResNet:
    return ResNet(**{**DEFAULTS, "shape": (3, 32, 32), "classes": 10, **changes})


def test_it_has_twenty_layers_and_the_papers_size() -> None:
    """He et al., table 6: 0.27 million parameters; the two 1x1 projections of option B add 2,560."""
    model = build()
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(layers) + 1 == 20
    assert sum(p.numel() for p in model.parameters()) == 269_722 + 2_560


@pytest.mark.parametrize("name", ["resnet56", "resnet56_dlg"])
def test_the_deep_ones_have_fifty_six_layers_and_the_papers_size(name: str) -> None:
    """He et al., table 6: 0.85 million parameters; the two 1x1 projections add 2,560."""
    node = OmegaConf.load(options.entries("model")[name].path)
    model = build(**{key: node[key] for key in DEFAULTS})
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(layers) + 1 == 56
    assert sum(p.numel() for p in model.parameters()) == 853_018 + 2_560


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_second_derivatives_mapped_over_victims_are_those_one_by_one(norm: str) -> None:
    relu = {"activation": "relu", "strides": (1, 2, 2)}
    kind = {"activation": "sigmoid", "strides": (1, 1, 1)} if norm == "none" else relu
    model = build(blocks=1, width=2, norm=norm, **kind, shape=(1, 8, 8)).eval()
    replace_norms(model)
    check_mapped(model, (1, 8, 8))


@pytest.mark.parametrize(("norm", "shape"), [("batch", (1, 28, 28)), ("group", (3, 32, 32)), ("none", (1, 28, 28))])
def test_it_can_be_attacked(norm: str, shape: tuple[int, int, int]) -> None:
    facts = introspect(build(norm=norm, shape=shape, width=8).eval(), functional.cross_entropy, shape, 10, 1)
    assert facts.last_linear == "fc.weight"
    assert facts.mappable


@pytest.mark.parametrize("seed", range(4))
def test_a_value_that_hardly_moves_is_not_taken_for_a_lost_derivative(seed: int) -> None:
    """Behind 19 sigmoids a finite difference is all rounding: it says nothing against autograd."""
    torch.manual_seed(seed)
    assert introspect(
        build(norm="none", shape=(3, 12, 12)).eval(), functional.cross_entropy, (3, 12, 12), 10, 1
    ).mappable


def test_strides_can_be_removed() -> None:
    model = build(strides=(1, 1, 1))
    assert model.body(torch.zeros(1, 16, 32, 32)).shape == (1, 64, 32, 32)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="batch, group, none"):
        build(norm="layer")
