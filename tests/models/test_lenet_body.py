"""The convolutions that LeNet has over images and along time."""

import pytest
import torch
from torch import nn

from bench.models.lenet_body import lenet_body


@pytest.mark.parametrize(("convolution", "shape"), [(nn.Conv1d, (3, 9)), (nn.Conv2d, (3, 9, 9))])
def test_each_stride_halves_and_each_layer_has_an_activation(convolution, shape) -> None:
    body = lenet_body(nn.Identity(), convolution, 3, 4, (2, 2, 1), "sigmoid")
    assert body(torch.zeros(1, *shape)).shape == (1, 4, *[3] * (len(shape) - 1))
    kinds = [nn.Identity, *[convolution, nn.Sigmoid] * 3]
    assert [type(layer) for layer in body] == kinds


@pytest.mark.parametrize(("width", "strides"), [(0, (1, 1, 1)), (1, (1, 1)), (1, (1, 0, 1))])
def test_refusals(width, strides) -> None:
    with pytest.raises(ValueError, match="want a width >= 1 and three strides >= 1"):
        lenet_body(nn.Identity(), nn.Conv2d, 1, width, strides, "relu")
