"""Runs the first layers of a model that is a chain, as a function of its parameters, for one victim."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from bench.messages.structure import CONVOLUTION, FLATTEN, IDENTITY, NORMALISE, ChainLayer

_RELU = "relu"


def can_run(layers: Sequence[ChainLayer]) -> bool:
    """Whether `run_start` can run these layers."""
    served = {CONVOLUTION, FLATTEN, IDENTITY, NORMALISE, _RELU}
    return all(layer.kind in served or layer.window is not None or layer.eps is not None for layer in layers)


def run_start(
    layers: Sequence[ChainLayer], parameters: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor
) -> Tensor:
    """Returns what the last of these layers returns for images `[B, C, H, W]`.

    Args:
        layers: the first layers of a chain, for which `can_run` holds.
        parameters: of one model.
        buffers: of one model.
        images: `[B, C, H, W]`.
    """
    value = images
    for layer in layers:
        if layer.kind == CONVOLUTION:
            bias = None if layer.bias is None else parameters[layer.bias]
            assert layer.weight is not None
            value = functional.conv2d(value, parameters[layer.weight], bias, layer.stride, layer.padding)
        elif layer.eps is not None:
            scale, shift = affine_of(layer, parameters, buffers)
            value = value * scale.view(-1, 1, 1) + shift.view(-1, 1, 1)
        elif layer.kind == NORMALISE:
            mean, std = (buffers[f"{layer.name}.{part}".lstrip(".")].view(-1, 1, 1) for part in ("mean", "std"))
            value = (value - mean) / std
        elif layer.window is not None:
            value = functional.max_pool2d(value, layer.window)
        elif layer.kind == _RELU:
            value = value.relu()
        elif layer.kind == FLATTEN:
            value = value.flatten(1)
    return value


def affine_of(layer: ChainLayer, parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """What a BatchNorm with running statistics multiplies each channel by, and what it adds, `[C]` each.

    Args:
        layer: a BatchNorm whose `eps` is known.
        parameters: of one model.
        buffers: of one model.
    """
    assert layer.eps is not None
    weight, bias = (parameters[f"{layer.name}.{part}".lstrip(".")] for part in ("weight", "bias"))
    mean, variance = (buffers[f"{layer.name}.running_{part}".lstrip(".")] for part in ("mean", "var"))
    scale = weight * torch.rsqrt(variance + layer.eps)
    return scale, bias - mean * scale
