"""The mean and variance of what enters each BatchNorm layer: those of a batch, and those that a model has collected."""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn
from torch.func import functional_call, replace_all_batch_norm_modules_
from torch.nn.modules.batchnorm import _BatchNorm

from bench.errors import NotApplicable
from bench.models.inferred_statistics import inferred_statistics

Statistics = dict[str, Tensor]  # {layer name: [..., 2, C]}, means and variances
Forward = Callable[[dict[str, Tensor], dict[str, Tensor], Tensor], Statistics]


def mean_and_variance(inputs: Tensor) -> Tensor:
    """`[B, C, ...]` -> `[2, C]`: per channel the mean and the biased variance, by which BatchNorm normalises.

    Example:
        >>> mean_and_variance(torch.tensor([[1.0, 0.0], [3.0, 0.0]])).tolist()
        [[2.0, 0.0], [1.0, 0.0]]
    """
    axes = (0, *range(2, inputs.dim()))
    mean = inputs.mean(axes)
    centred = inputs - mean.view(1, -1, *[1] * (inputs.dim() - 2))
    return torch.stack([mean, centred.square().mean(axes)])


def statistics_of(model: nn.Module) -> Forward | None:
    """Returns a function from images of one victim to the statistics of what enters each BatchNorm layer.

    The function is `(parameters, buffers, inputs [B, C, H, W]) -> {layer name: [2, C]}`. It can be mapped over victims
    and differentiated. A layer that is called several times counts by its first call.

    Args:
        model: in the mode of the client, which decides by what its layers normalise.

    Returns:
        The function; None if the model has no BatchNorm.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, _BatchNorm)}
    if not layers:
        return None

    def forward(parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor) -> Statistics:
        found: Statistics = {}

        def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
            def see(_module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
                if name not in found:
                    found[name] = mean_and_variance(arguments[0])

            return see

        hooks = [module.register_forward_pre_hook(watch(name)) for name, module in layers.items()]
        try:
            functional_call(model, (parameters, buffers), (inputs,))
        finally:
            for hook in hooks:
                hook.remove()
        return found

    return forward


def normalise_by_batch(model: nn.Module) -> None:
    """Makes every BatchNorm layer in train mode normalise by the batch, in place, without statistics of its own.

    What a layer had collected is kept beside the model's buffers (`running_statistics`), so that no attack sees it
    unless it is granted.
    """
    for module in model.modules():
        if not isinstance(module, _BatchNorm) or not module.training:
            continue
        if module.running_mean is not None and module.running_var is not None:
            # no buffer, and so not seen with the model
            module.collected = torch.stack([module.running_mean, module.running_var])
        replace_all_batch_norm_modules_(module)


def running_statistics(model: nn.Module, buffers: dict[str, Tensor], like: Tensor) -> Statistics:
    """The running statistics of every BatchNorm layer that has collected any, `{layer name: [V, 2, C]}`.

    In train mode those of `model` are taken for every victim; in eval mode they are among the victims' buffers.

    Args:
        model: in the mode of the client.
        buffers: `{name: [V, ...]}`, of the victims' models.
        like: `[V, ...]`, of the type and on the device that the statistics shall have.
    """
    found: Statistics = {}
    for name, module in model.named_modules():
        names = [f"{name}.{one}".lstrip(".") for one in ("running_mean", "running_var")]
        if not isinstance(module, _BatchNorm):
            continue
        if all(one in buffers for one in names):
            found[name] = torch.stack([buffers[one] for one in names], 1)
        elif isinstance(kept := getattr(module, "collected", None), Tensor):
            found[name] = kept.to(like).expand(len(like), *kept.shape)
    return found


def granted_statistics(
    model: nn.Module,
    granted: Collection[str],
    parameters: dict[str, Tensor],
    buffers: dict[str, Tensor],
    inputs: Tensor,
    levels: Collection[str],
) -> Statistics | None:
    """What a threat model grants of the BatchNorm layers beyond the model itself.

    Args:
        model: in the mode of the client.
        granted: `batch`, `running`, `updated`, several or none of them; the batch's statistics, seen or inferred from
            the updated running ones, replace the running ones.
        parameters: `{name: [V, ...]}`.
        buffers: `{name: [V, ...]}`.
        inputs: `[V, B, C, H, W]`, the private images; their statistics are those of the first forward pass, before any
            local step.
        levels: what the client's defences act on.

    Returns:
        `{layer name: [V, 2, C]}`; None if nothing is granted, if the model has no such layer, or if the batch's
        statistics are granted and the client computes none (eval mode).

    Raises:
        NotApplicable: the batch's statistics are granted or can be inferred, and a defence acts on samples or trains in
            several steps, so that the shared update has not the statistics of one batch.
    """
    forward = statistics_of(model) if granted else None
    if forward is None:
        return None
    if not {"batch", "updated"} & set(granted):
        return running_statistics(model, buffers, inputs) or None
    by_batch = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.running_mean is None]
    if not by_batch:
        return None
    if set(levels) - {"gradient", "label", "model"}:
        raise NotApplicable(
            "the threat model grants BatchNorm statistics of the batch, and the client's defence splits or changes "
            "the batch, takes several steps or sums clients, so there is no single batch (threat=batchnorm_running)"
        )
    rows = []
    with torch.no_grad():
        for i, images in enumerate(inputs):  # one by one: a victim's statistics must not depend on its company
            own = [{name: value[i] for name, value in group.items()} for group in (parameters, buffers)]
            rows.append(forward(own[0], own[1], images))
    batch = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    if "batch" in granted:
        return batch
    own = [{name: value[0] for name, value in group.items()} for group in (parameters, buffers)]
    before = running_statistics(model, buffers, inputs)
    return inferred_statistics(model, batch, before, own[0], own[1], inputs[0]) or None
