"""Adapters beside a linear layer: what the layer returns, by the formula, and what stays."""

import copy

import pytest
import torch
from torch import nn

from bench.models.low_rank import add_adapter, is_adapter


@pytest.mark.parametrize("start", [0.0, 0.3])
def test_the_layer_returns_its_own_output_and_the_low_rank_one(start: float) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(7, 5).double()
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    add_adapter(layer, 2, 4.0, start)
    parameters = dict(layer.named_parameters())
    assert list(parameters) == ["weight", "bias", "lora_A.weight", "lora_B.weight"]
    assert torch.equal(layer.weight, weight) and torch.equal(layer.bias, bias)
    a, b = parameters["lora_A.weight"], parameters["lora_B.weight"]
    assert a.shape == (2, 7) and b.shape == (5, 2) and a.dtype == torch.float64 and (a != 0).all()
    assert (b == 0).all() == (start == 0)
    x = torch.rand(3, 4, 7, dtype=torch.float64)
    torch.testing.assert_close(layer(x), x @ (weight + 4.0 * b @ a).mT + bias)
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        twin.get_parameter("lora_B.weight").fill_(1.0)
    assert not torch.allclose(twin(x), layer(x))


def test_b_has_the_deviation_that_is_asked_for() -> None:
    """Of 4,000 entries the standard error of the deviation is 1.1 % of it."""
    torch.manual_seed(0)
    layer = nn.Linear(8, 500)
    add_adapter(layer, 8, 1.0, 0.3)
    assert float(layer.get_parameter("lora_B.weight").detach().std()) == pytest.approx(0.3, rel=0.04)


def test_adapters_are_known_by_name() -> None:
    assert is_adapter("layers.0.query.lora_A.weight") and is_adapter("fc.lora_B.weight")
    assert not is_adapter("fc.weight") and not is_adapter("lora_A.bias")
