"""Replaces the convolutions of a model by those of this folder while its gradient is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bench.engine.kernels import convolution
from bench.engine.kernels.layout import in_blocks

_TYPES = (torch.float32, torch.float64)


class OwnConvolutions(TorchFunctionMode):
    """Within this block, `conv2d` on a processor is `bench.engine.kernels.convolution`, which maps over victims.

    It pays if the weights differ between victims, since torch then computes grouped convolutions. What ours does not
    know (groups, dilation, padding by a word, half precision) stays with torch, and so does what torch does quickly
    (`bench.engine.kernels.layout`).
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Called for each function of torch."""
        if func is torch.conv2d:
            found = _convolved(*args, **(kwargs or {}))
            if found is not None:
                return found
        return func(*args, **(kwargs or {}))


def _convolved(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor | None:
    """What `torch.conv2d` returns, or None if it has to do it; the arguments have its names."""
    if isinstance(padding, str) or groups != 1 or _pair(dilation) != (1, 1) or in_blocks(*weight.shape[:2]):
        return None
    if input.dim() != 4 or input.device.type != "cpu" or input.dtype not in _TYPES or weight.dtype != input.dtype:
        return None
    found = convolution.output(input.unsqueeze(0), weight.unsqueeze(0), _pair(stride), _pair(padding)).squeeze(0)
    return found if bias is None else found + bias[:, None, None]


def _pair(value: int | Sequence[int]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value) * (2 // len(value))
