"""ResNet-20 and its switches."""

import pytest
import torch
from torch.nn import functional

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


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_it_can_be_attacked(norm: str, shape: tuple[int, int, int]) -> None:
    facts = introspect(build(norm=norm, shape=shape).eval(), functional.cross_entropy, shape, 10, 1)
    assert facts.last_linear == "fc.weight"
    assert facts.mappable


@pytest.mark.parametrize("seed", range(8))
def test_a_value_that_hardly_moves_is_not_taken_for_a_lost_derivative(seed: int) -> None:
    """Behind 19 sigmoids a finite difference is all rounding: it says nothing against autograd."""
    torch.manual_seed(seed)
    assert introspect(build(norm="none").eval(), functional.cross_entropy, (3, 32, 32), 10, 1).mappable


def test_strides_can_be_removed() -> None:
    model = build(strides=(1, 1, 1))
    assert model.body(torch.zeros(1, 16, 32, 32)).shape == (1, 64, 32, 32)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="batch, group, none"):
        build(norm="layer")
