"""Matching gradients over word embeddings written plainly: one victim, the real module, torch's optimisers."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.messages.observation import Observation

Distance = Callable[[list[Tensor], list[Tensor]], Tensor]


def relative(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """DLG's distance over the shared gradient's own size."""
    apart = sum((one - other).square().sum() for one, other in zip(ours, theirs))
    return apart / sum(other.square().sum() for other in theirs)


def tag(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """As in LAMP's baseline."""
    return sum((a - b).square().sum() + 0.01 * (a - b).abs().sum() for a, b in zip(ours, theirs))


def squared(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """DLG's distance as it is published."""
    return sum((a - b).square().sum() for a, b in zip(ours, theirs))


def objective(seen: Observation, victim: int, model: nn.Module, distance: Distance) -> Callable[[Tensor], Tensor]:
    """`z [n]`, embeddings and label logits of one classifier's victim -> the distance."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(seen.parameters[name][victim])
    shared = [value[victim] for value in seen.gradients.values()]
    weights = [dict(model.named_parameters())[name] for name in seen.gradients]
    mask, width = seen.mask[victim], seen.parameters[seen.task.language.embedding].shape[-1]

    def value(z: Tensor) -> Tensor:
        count = mask.numel() * width
        embeddings, logits = z[:count].view(*mask.shape, width), z[count:].view(len(mask), -1)
        loss = functional.cross_entropy(model(embeddings, mask), logits.softmax(-1))
        return distance(list(torch.autograd.grad(loss, weights, create_graph=True)), shared)

    return value


def minimise(
    value: Callable[[Tensor], Tensor], start: Tensor, optimiser: Callable, steps: int, fixed: Tensor | None = None
) -> float:
    """The lowest value seen at `steps` iterates and the start.

    Where `fixed` `[n]` is given, its places are put back after each step, as LAMP's authors do.
    """
    z = start.clone().requires_grad_()
    step = optimiser([z])
    lowest = [value(z).item()]

    def closure() -> Tensor:
        step.zero_grad()
        found = value(z)
        (z.grad,) = torch.autograd.grad(found, z)
        return found

    for _ in range(steps):
        step.step(closure)
        if fixed is not None:
            z.data[fixed] = start[fixed]
        lowest.append(value(z).item())
    return min(lowest)
