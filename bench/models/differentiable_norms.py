"""Normalisation layers whose gradient can be mapped over victims and differentiated again.

The fused kernels return a mean and a standard deviation, which `torch.func.vmap` takes for constants when it computes
the gradient of a layer's weight. That gradient is right, but its derivative by the input, which every matching attack
uses, is not (seen with torch 2.14, wrong by up to 80 %). The same formula in elementary operations is right.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.errors import UserError


class LayerNorm(nn.LayerNorm):
    """`nn.LayerNorm` in elementary operations (Ba, Kiros, Hinton 2016, arXiv 1607.06450, equation 4)."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalises `[..., *normalized_shape]`; the shape stays."""
        found = _normalised(input, tuple(range(-len(self.normalized_shape), 0)), self.eps)
        found = found if self.weight is None else found * self.weight
        return found if self.bias is None else found + self.bias


class _ByBatch(nn.modules.batchnorm._BatchNorm):
    """BatchNorm by batch statistics, in elementary operations; with running statistics it is torch's own."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalises `[B, C, ...]`; the shape stays.

        Raises:
            UserError: the statistics are those of the batch, and there is one value per channel. torch refuses this
                too, because the result would be 0 whatever the input is.
        """
        if (self.training or self.running_mean is None) and input[:, 0].numel() == 1:
            raise UserError(
                f"BatchNorm normalises by the batch and gets one value per channel ({_size(input)}), which torch does "
                "not train: a larger batch (data.batch_size, that of local steps and clients, training.batch_size), or "
                "running statistics (model.mode=eval)"
            )
        if self.running_mean is not None:
            return super().forward(input)
        found = _normalised(input, (0, *range(2, input.dim())), self.eps)
        shape = (1, -1, *[1] * (input.dim() - 2))
        found = found if self.weight is None else found * self.weight.view(shape)
        return found if self.bias is None else found + self.bias.view(shape)


class BatchNorm1d(_ByBatch, nn.BatchNorm1d):
    """`nn.BatchNorm1d` for `[B, C]` and `[B, C, L]`, in elementary operations."""


class BatchNorm2d(_ByBatch, nn.BatchNorm2d):
    """`nn.BatchNorm2d` for `[B, C, H, W]`, in elementary operations."""


class BatchNorm3d(_ByBatch, nn.BatchNorm3d):
    """`nn.BatchNorm3d` for `[B, C, D, H, W]`, in elementary operations."""


_WRITTEN_OUT: dict[type[nn.Module], type[nn.Module]] = {
    nn.LayerNorm: LayerNorm,
    nn.BatchNorm1d: BatchNorm1d,
    nn.BatchNorm2d: BatchNorm2d,
    nn.BatchNorm3d: BatchNorm3d,
}


def replace_norms(model: nn.Module) -> None:
    """Replaces torch's own layers in `model` by these, in place; the function, names and parameters stay."""
    for module in model.modules():
        module.__class__ = _WRITTEN_OUT.get(type(module), type(module))


def _size(x: Tensor) -> str:
    return "x".join(str(n) for n in x.shape)


def _normalised(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    centred = x - x.mean(axes, keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(axes, keepdim=True) + eps)
