"""Finds the layers of a model that is a chain: each layer reads what the one before it returns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.messages.structure import CONVOLUTION, FLATTEN, IDENTITY, LINEAR, NORMALISE, ChainLayer
from bench.models.activations import ACTIVATIONS
from bench.models.normalise import Normalise
from bench.models.probing import in_eval_mode


def chain_of(model: nn.Module, shape: tuple[int, ...]) -> tuple[ChainLayer, ...] | None:
    """Returns the layers of a model of images in their order, or None if they are no chain.

    The layers are the modules without children, in the order in which they are called. They are a chain if they return
    what the model returns when they are called one after the other, with a flatten before the first linear layer.

    Args:
        model: maps images `[B, C, H, W]` to logits `[B, classes]`; it is not changed.
        shape: `(C, H, W)` of an image.
    """
    names = {module: name for name, module in model.named_modules() if not any(module.children())}
    called: list[nn.Module] = []
    hooks = [module.register_forward_hook(lambda m, i, o: called.append(m)) for module in names]
    weight = next(model.parameters())
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(1, *shape, generator=generator).to(weight.device, weight.dtype)
    steps: list[nn.Module] = []
    value = images
    try:
        with torch.no_grad(), in_eval_mode(model):
            try:
                wanted = model(images)
            finally:
                for hook in hooks:
                    hook.remove()
            for module in called:
                steps += [nn.Flatten()] if isinstance(module, nn.Linear) and value.dim() > 2 else []
                value = module(value.flatten(1) if isinstance(module, nn.Linear) else value)
                steps.append(module)
    except (AttributeError, RuntimeError, TypeError, ValueError, UserError):  # not in turn, or not for a batch of one
        return None
    layers = [_described(module, names.get(module, "flatten")) for module in steps]
    same = isinstance(wanted, Tensor) and value.shape == wanted.shape and torch.equal(value, wanted)
    return tuple(layers) if same and layers else None


def _described(module: nn.Module, name: str) -> ChainLayer:
    if isinstance(module, nn.Conv2d | nn.Linear):
        bias = None if module.bias is None else f"{name}.bias".lstrip(".")
        found: dict[str, Any] = {"name": name, "weight": f"{name}.weight".lstrip("."), "bias": bias}
        if isinstance(module, nn.Linear):
            return ChainLayer(kind=LINEAR, **found)
        if _plain(module):
            stride, padding = (tuple(int(n) for n in of) for of in (module.stride, module.padding))
            return ChainLayer(kind=CONVOLUTION, stride=stride, padding=padding, **found)  # type: ignore[arg-type]
        return ChainLayer(kind="Conv2d with groups, dilation or padding of its own", **found)
    if isinstance(module, Normalise):
        return ChainLayer(name, NORMALISE)
    if isinstance(module, nn.Flatten | nn.Identity) or (isinstance(module, nn.Dropout) and not module.training):
        return ChainLayer(name, FLATTEN if isinstance(module, nn.Flatten) else IDENTITY)
    kind = next((word for word, kind in ACTIVATIONS.items() if type(module) is kind), type(module).__name__)
    if isinstance(module, nn.Softplus) and module.beta != 1:
        kind = f"Softplus with beta={module.beta}"
    slope = getattr(module, "negative_slope", getattr(module, "alpha", 0.0))
    return ChainLayer(name, kind, slope=float(slope), window=_window(module), eps=_eps(module))


def _window(module: nn.Module) -> tuple[int, int] | None:
    """Height and width of a max-pooling's windows, if they lie side by side and cover nothing but inputs."""
    if not isinstance(module, nn.MaxPool2d):
        return None
    window, stride, padding, dilation = (
        (of, of) if isinstance(of, int) else tuple(of)
        for of in (module.kernel_size, module.stride, module.padding, module.dilation)
    )
    plain = stride == window and padding == (0, 0) and dilation == (1, 1) and not module.ceil_mode
    return (int(window[0]), int(window[1])) if plain else None


def _eps(module: nn.Module) -> float | None:
    """What a BatchNorm adds to the variance, if it uses running statistics and has a weight and a bias."""
    if not isinstance(module, nn.BatchNorm2d) or module.training or module.running_mean is None or not module.affine:
        return None
    return float(module.eps)


def _plain(module: nn.Conv2d) -> bool:
    """Whether it is a convolution without groups and dilation, which pads with zeros."""
    numbers = not isinstance(module.padding, str) and module.padding_mode == "zeros"
    return numbers and module.groups == 1 and set(module.dilation) == {1}
