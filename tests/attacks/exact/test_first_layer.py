"""The layer that reads pixels is found from gradients of the attacker's own, with what stands before and behind it."""

import pytest
import torch

from bench.attacks.exact.first_layer import find_first_layer

QUICK = ["attack=noise", "data=samples", "data.set=cifar10", "data.batch_size=3", "model.width=20"]


def seen_of(parties, *overrides):
    built = parties(*QUICK, *overrides)
    return built.client.share(built.data.deal([0, 1]))


@pytest.mark.parametrize(
    ("overrides", "offset", "scale"),
    [
        ([], -2.0, 4.0),
        (["model.mean=null", "model.std=null"], 0.0, 1.0),
        (["model.mean=[0.1,0.2,0.3]", "model.std=[0.5,0.25,0.125]"], [-0.2, -0.8, -2.4], [2.0, 4.0, 8.0]),
    ],
)
def test_the_normalisation_is_found(parties, overrides, offset, scale) -> None:
    layer = find_first_layer(seen_of(parties, "model=mlp_wide", *overrides))
    assert layer is not None and layer.rectified
    assert layer.weight.endswith("1.weight") or layer.weight.endswith("2.weight")
    assert layer.bias == layer.weight.replace("weight", "bias")
    for found, wanted in ((layer.offset, offset), (layer.scale, scale)):
        each = torch.as_tensor(wanted, dtype=torch.float64).expand(3).repeat_interleave(32 * 32)
        torch.testing.assert_close(found, each, rtol=1e-6, atol=1e-7)  # buffers are float32
    images = torch.rand(2, 3072, dtype=torch.float64)
    torch.testing.assert_close(layer.pixels(layer.offset + layer.scale * images), images)


def test_another_activation_is_told(parties) -> None:
    layer = find_first_layer(seen_of(parties, "model=mlp_wide", "model.activation=sigmoid"))
    assert layer is not None and not layer.rectified


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=lenet", "model.width=4"],  # a convolution
        ["model=mlp_wide", "model.shared=[fc.*]"],  # the gradient is not shared
        ["model=mlp_wide", "model.shared=['*.weight']"],  # nor that of the bias
    ],
    ids=" ".join,
)
def test_a_model_without_such_a_layer_has_none(parties, overrides) -> None:
    assert find_first_layer(seen_of(parties, *overrides)) is None
