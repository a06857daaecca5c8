"""Finds the start of a vision transformer: patches, positions, and the layers that read their sum."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt, prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import UserError
from bench.messages.structure import Norm, PatchAttention
from bench.models.math_attention import math_attention
from bench.models.normalise import Normalise
from bench.models.probing import in_eval_mode

_NEAR = 1e-4  # relative distance below which two tensors are the same but for the rounding of float32


@dataclass(eq=False)
class _Call:
    """One call of a module for one image.

    Args:
        name: of the module.
        module: the module.
        read: its first input.
        returned: its output.
    """

    name: str
    module: nn.Module
    read: Tensor
    returned: Tensor


def patches_of(images: Tensor, side: int) -> Tensor:
    """`[n, C, H, W]` -> `[n, patches, C side side]`, row by row."""
    return functional.unfold(images, side, stride=side).transpose(1, 2)


def patch_attention_of(model: nn.Module, shape: tuple[int, ...]) -> PatchAttention | None:
    """Returns how a vision transformer starts, or None if the model does not start like one.

    What is found by names and shapes is checked on a random image: the readers read what `PatchAttention` says, and
    `only` is whether dL/dE^T h equals the sum of W^T dL/dW over the readers.

    Args:
        model: maps images `[B, C, H, W]` to logits `[B, classes]`; it is not changed.
        shape: `(C, H, W)` of an image.
    """
    if len(shape) != 3 or not any(value.dim() in (2, 3) for value in model.parameters()):
        return None
    try:
        calls, image, logits = _calls(model, shape)
    except (RuntimeError, ValueError, UserError):  # it cannot serve a batch of one
        return None
    names = {parameter: name for name, parameter in model.named_parameters()}
    first = next((one for one in calls if isinstance(one.module, nn.Conv2d | nn.Linear)), None)
    side = None if first is None else _side(first.module, shape)
    if first is None or side is None:
        return None
    normalise = next((one for one in calls if isinstance(one.module, Normalise) and one.read is image), None)
    seen = image if normalise is None else normalise.returned
    assert isinstance(first.module, nn.Conv2d | nn.Linear)
    weight = first.module.weight.flatten(1)
    embedded = functional.linear(patches_of(seen, side)[0], weight, first.module.bias)  # [N, D]
    for position, token in _positions(model, embedded):
        tokens = embedded if token is None else torch.cat([token.reshape(1, -1), embedded])
        tokens = tokens + position.reshape(tokens.shape)
        norm, readers = _readers(calls, tokens)
        if not readers:
            continue
        return PatchAttention(
            position=names[position],
            token=None if token is None else names[token],
            patch=names[first.module.weight],  # type: ignore[index]
            bias=None if first.module.bias is None else names[first.module.bias],  # type: ignore[index]
            side=side,
            readers=tuple(names[reader] for reader in readers),
            norm=None if norm is None else _described(norm, names),
            only=norm is None and _only(logits, position, tokens, readers),
            normalise=None if normalise is None else (f"{normalise.name}.mean", f"{normalise.name}.std"),
        )
    return None


def _calls(model: nn.Module, shape: tuple[int, ...]) -> tuple[list[_Call], Tensor, Tensor]:
    """Runs the model on one random image; returns the calls of its modules, the image, and the logits."""
    weight = next(model.parameters())
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, *shape, generator=generator).to(weight.device, weight.dtype)
    calls: list[_Call] = []

    def remember(name: str) -> object:
        def hook(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
            output = output[0] if isinstance(output, tuple) else output
            if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
                calls.append(_Call(name, module, inputs[0], output))

        return hook

    hooks = [module.register_forward_hook(remember(name)) for name, module in model.named_modules()]  # type: ignore[arg-type]
    try:
        with math_attention(), torch.enable_grad(), in_eval_mode(model):
            logits = model(image)
    finally:
        for hook in hooks:
            hook.remove()
    return calls, image, logits


def _side(module: nn.Module, shape: tuple[int, ...]) -> int | None:
    """The side of the patches that a first layer reads; None if it does not read patches."""
    if isinstance(module, nn.Conv2d):
        side = module.kernel_size[0]
        plain = module.groups == 1 and module.padding in ((0, 0), "valid")
        if not plain or module.kernel_size != module.stride or module.kernel_size[1] != side:
            return None
    elif isinstance(module, nn.Linear):
        side = isqrt(module.in_features // shape[0])
        if shape[0] * side**2 != module.in_features:
            return None
    else:
        return None
    return side if side and not (shape[1] % side or shape[2] % side) else None


def _positions(model: nn.Module, embedded: Tensor) -> list[tuple[nn.Parameter, nn.Parameter | None]]:
    """The pairs of parameters that may be positions and class token, by their shapes."""
    count, width = embedded.shape
    found: list[tuple[nn.Parameter, nn.Parameter | None]] = []
    tokens = [value for value in model.parameters() if value.numel() == width]
    for value in model.parameters():
        if value.shape[-1:] != (width,) or prod(value.shape[:-2]) != 1 or value.dim() not in (2, 3):
            continue
        if value.shape[-2] == count:
            found.append((value, None))
        elif value.shape[-2] == count + 1:
            found.extend((value, token) for token in tokens)
    return found


def _readers(calls: list[_Call], tokens: Tensor) -> tuple[nn.Module | None, list[nn.Parameter]]:
    """The linear layers that read the tokens, through a LayerNorm or not: the norm, and their weights."""
    for norm, value in ((None, tokens), *_norms(calls, tokens)):
        weights = [weight for one in calls if _same(one.read, value) for weight in _weights(one.module)]
        if weights:
            return norm, weights
    return None, []


def _norms(calls: list[_Call], tokens: Tensor) -> list[tuple[nn.Module, Tensor]]:
    """The LayerNorms that read the tokens, and what they return."""
    return [(one.module, one.returned) for one in calls if _is_norm(one.module) and _same(one.read, tokens)]


def _is_norm(module: nn.Module) -> bool:
    affine = all(isinstance(getattr(module, part, None), nn.Parameter) for part in ("weight", "bias"))
    return isinstance(module, nn.LayerNorm) and affine


def _weights(module: nn.Module) -> list[nn.Parameter]:
    if isinstance(module, nn.Linear):
        return [module.weight]  # type: ignore[list-item]
    if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
        return [module.in_proj_weight]
    return []


def _same(read: Tensor, tokens: Tensor) -> bool:
    """Whether a module read `[1, T, D]` (or `[T, 1, D]`) just these tokens `[T, D]`."""
    if read.numel() != tokens.numel() or read.shape[-1] != tokens.shape[-1]:
        return False
    return bool((read.reshape(tokens.shape) - tokens).norm() <= _NEAR * tokens.norm())


def _described(norm: nn.Module, names: dict[nn.Parameter, str]) -> Norm:
    assert isinstance(norm, nn.LayerNorm)
    return Norm(names[norm.weight], names[norm.bias], norm.eps)


def _only(logits: Tensor, position: nn.Parameter, tokens: Tensor, readers: list[nn.Parameter]) -> bool:
    """Whether dL/dE^T h = sum of W^T dL/dW, for a loss that weighs the logits."""
    weights = torch.linspace(-1, 1, logits.numel(), device=logits.device, dtype=logits.dtype)
    wanted = [value for value in (position, *readers) if value.requires_grad]
    if len(wanted) <= len(readers):
        return False
    slope, *slopes = torch.autograd.grad((logits.flatten() * weights).sum(), wanted, allow_unused=True)
    if slope is None or any(one is None for one in slopes):
        return False
    left = slope.reshape(tokens.shape).T @ tokens
    right: Tensor = sum(weight.T @ one for weight, one in zip(readers, slopes))  # type: ignore[assignment]
    return bool((left - right).norm() <= 1e-2 * left.norm())
