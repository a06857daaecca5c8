"""The statistics of a batch as an attacker infers them from the running statistics before and after one step.

In train mode, torch's BatchNorm moves its running statistics r by a momentum m: r' = (1 - m) r + m b, where b is the
mean of the batch or its unbiased variance. Whoever sees r and r' solves for b. Only the rounding of r', which is shared
in float32, stands between this and the statistics of the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

Statistics = dict[str, Tensor]  # {layer name: [V, 2, C]}, means and biased variances


def inferred(batch: Tensor, before: Tensor, momentum: float, entries: int) -> Tensor:
    """What an attacker finds of a layer.

    Args:
        batch: `[..., 2, C]`, the mean and the biased variance of the batch.
        before: `[..., 2, C]`, the running mean and variance before the step.
        momentum: m, in (0, 1].
        entries: how many numbers per channel the batch has, more than 1.

    Returns:
        `[..., 2, C]`, in the type of `batch`.

    Example:
        >>> batch, before = torch.tensor([[0.5], [2.0]]), torch.tensor([[0.0], [1.0]])
        >>> inferred(batch, before, momentum=0.1, entries=64).round(decimals=4).flatten().tolist()
        [0.5, 2.0]
    """
    bias = torch.tensor([1.0, entries / (entries - 1)], dtype=torch.float64, device=batch.device).unsqueeze(-1)
    earlier = before.double()
    after = ((1 - momentum) * earlier + momentum * bias * batch.double()).float()
    return ((after.double() - (1 - momentum) * earlier) / momentum / bias).to(batch.dtype)


def inferred_statistics(
    model: nn.Module,
    batch: Statistics,
    before: Statistics,
    parameters: dict[str, Tensor],
    buffers: dict[str, Tensor],
    images: Tensor,
) -> Statistics:
    """The statistics of all layers whose running statistics move by a momentum; the others are left out.

    Args:
        model: in train mode (`bench.models.batch_statistics.normalise_by_batch`).
        batch: of the private batches.
        before: the running statistics.
        parameters: `{name: [...]}` of one victim.
        buffers: `{name: [...]}` of one victim.
        images: `[B, C, H, W]`, of the shape of every victim's.
    """
    counts = _entries(model, parameters, buffers, images)
    found: Statistics = {}
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and module.momentum is not None and name in before and counts[name] > 1:
            found[name] = inferred(batch[name], before[name], module.momentum, counts[name])
    return found


def _entries(
    model: nn.Module, parameters: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor
) -> dict[str, int]:
    """How many numbers per channel enter each BatchNorm layer."""
    found: dict[str, int] = {}
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm):

            def see(_module: nn.Module, given: tuple[Tensor, ...], name: str = name) -> None:
                found.setdefault(name, given[0].numel() // given[0].shape[1])

            hooks.append(module.register_forward_pre_hook(see))
    try:
        with torch.no_grad():
            functional_call(model, (parameters, buffers), (images,))
    finally:
        for hook in hooks:
            hook.remove()
    return found
