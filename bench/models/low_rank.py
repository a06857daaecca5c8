"""Low-rank adapters beside linear layers (Hu et al. 2022, "LoRA", arXiv 2106.09685)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

_A, _B = "lora_A", "lora_B"  # the names of the authors' code and of the package peft


def add_adapter(layer: nn.Linear, rank: int, scale: float, start: float) -> None:
    """Adds `scale * B A x` to what a linear layer returns, in place.

    The layer keeps its name and weights, and has the adapters as parts: `lora_A.weight` `[r, d]`, drawn like PyTorch's
    own weights of a linear layer (as in the authors' code), and `lora_B.weight` `[out, r]`. They are made in
    float32 on the processor, from the global generator.

    Args:
        layer: the layer.
        rank: r.
        scale: alpha / r in the paper.
        start: standard deviation of B; at 0, as the paper starts, the layer returns what it returned before.
    """
    parts = {_A: nn.Linear(layer.in_features, rank, bias=False), _B: nn.Linear(rank, layer.out_features, bias=False)}
    with torch.no_grad():
        parts[_B].weight.normal_().mul_(start)
    for name, part in parts.items():
        layer.add_module(name, part.to(layer.weight.device, layer.weight.dtype))
    layer.register_forward_hook(partial(_adapted, scale))


def is_adapter(name: str) -> bool:
    """Whether a parameter of this name is that of an adapter."""
    return name.endswith((f"{_A}.weight", f"{_B}.weight"))


def _adapted(scale: float, layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
    low: Tensor = layer.get_submodule(_A)(given[0])
    return output + scale * layer.get_submodule(_B)(low)
