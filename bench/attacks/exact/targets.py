"""Search for the targets of a prediction (labels, hidden words, last words) of sentences that are otherwise known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.units import comparable
from bench.messages.task import Language

Tree = dict[str, Tensor]


@dataclass(eq=False)
class TargetSearch:
    """Finds targets from the gradient, which is linear in them.

    The gradient of a cross entropy is a sum over predictions of (softmax - target) times a Jacobian that depends on the
    inputs alone. The squared distance between two gradients is therefore a quadratic function of the open targets,
    taken as probabilities. Conjugate gradients (Hestenes and Stiefel 1952) minimise it from the uniform distribution,
    and after each step the most probable class of every open target is tried. The first step scores all classes of all
    targets at once, and mostly suffices. Sentences with similar gradients take as many steps as there are such
    sentences.

    Args:
        gradient: `(targets) -> {name: gradient}` for the known sentences; see `Task.gradient` for the shapes.
        observed: `{name: gradient}`, the shared gradient.
        unit: see `Task.unit`. If it is None, gradients are compared at length 1, and the distance is only nearly
            quadratic.
        enough: all targets count as known at or below this relative squared distance between gradients.
        steps: the most steps of conjugate gradients.
        evaluations: how many gradients have been computed so far.
    """

    gradient: Callable[[Tensor], Tree]
    observed: Tree
    unit: float | None
    enough: float
    steps: int
    evaluations: int = 0

    def distance(self, targets: Tensor) -> Tensor:
        """Returns the relative squared distance between gradients: squared differences over squares."""
        self.evaluations += 1
        one = {name: value[None] for name, value in self.gradient(targets).items()}
        found, observed = comparable(one, {name: value[None] for name, value in self.observed.items()}, self.unit)
        zero = targets.new_zeros(())
        size = sum((value.square().sum() for value in observed.values()), zero)
        return sum(((found[name] - value).square().sum() for name, value in observed.items()), zero) / size

    def __call__(self, targets: Tensor, still_open: Tensor) -> tuple[Tensor, float]:
        """Returns the targets that explain the gradient best, and the distance that remains.

        Args:
            targets: probabilities `[B, K]` or `[B, T, K]`, zero where nothing is predicted.
            still_open: `[B]` or `[B, T]`, bool, which targets are not known.
        """
        if not still_open.any():
            return targets, float(self.distance(targets))
        best, least = targets, torch.inf
        tried: list[Tensor] = []
        for soft in self._descend(targets, still_open):
            chosen = soft.argmax(-1)
            if any(torch.equal(chosen, before) for before in tried):
                continue
            tried.append(chosen)
            whole = targets.clone()
            whole[still_open] = torch.nn.functional.one_hot(chosen, soft.shape[-1]).to(targets)
            found = float(self.distance(whole))
            if found < least or not tried[1:]:
                best, least = whole, found
            if least <= self.enough:
                break
        return best, least

    def _descend(self, targets: Tensor, still_open: Tensor) -> Iterator[Tensor]:
        """Yields the open targets `[open, K]` after each step; they sum to 1, but need not be positive."""
        classes = targets.shape[-1]
        start = targets.new_full((int(still_open.sum()), classes), 1.0 / classes)
        here = self._slope(targets, still_open, start)
        soft, residual, before = start, -here, None
        direction = torch.zeros_like(start)
        for _ in range(self.steps):
            size = residual.square().sum()
            if not size > 0:
                return
            direction = residual if before is None else residual + size / before * direction
            length = direction.norm()
            # The slope is affine, so its change along a step of length 1 is the curvature along the step.
            curved = (self._slope(targets, still_open, start + direction / length) - here) * length
            curvature = (direction * curved).sum()
            if not curvature > 0:
                yield soft + direction
                return
            step = size / curvature
            soft, residual, before = soft + step * direction, residual - step * curved, size
            yield soft

    def _slope(self, targets: Tensor, still_open: Tensor, soft: Tensor) -> Tensor:
        """The derivative of the distance by the open targets `[open, K]`, along changes that keep their sums."""
        free = soft.clone().requires_grad_()
        index = still_open.nonzero().unbind(1)
        (slope,) = torch.autograd.grad(self.distance(targets.index_put(index, free)), free)
        return slope - slope.mean(-1, keepdim=True)


def targets_of(language: Language, tokens: Tensor, mask: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Returns what sentences say about their targets, and which targets are open.

    For a classifier, all targets are open. A causal model predicts every token but the first; the last token of a
    sentence is an input to nothing, so it is open. A masked model predicts the hidden tokens, which are open, or every
    word if no token is hidden.

    Args:
        language: what is public about the model.
        tokens: `[B, T]`, int64.
        mask: `[B, T]`, bool, true at tokens.
        classes: K.

    Returns:
        Probabilities `[B, K]` or `[B, T, K]`, and a mask of open targets `[B]` or `[B, T]`.
    """
    if language.head == "classification":
        return torch.zeros(len(tokens), classes, device=tokens.device), torch.ones_like(mask[:, 0])
    targets = torch.nn.functional.one_hot(tokens.clamp(min=0), classes).float()
    if language.head == "causal":
        predicted = mask.clone()
        predicted[:, 0] = False
        longer = torch.cat([mask[:, 1:], torch.zeros_like(mask[:, :1])], 1)
        return targets * predicted[..., None], predicted & ~longer
    if language.hidden > 0:
        assert language.tokenizer.mask is not None
        hidden = mask & tokens.eq(language.tokenizer.mask)
        return targets * hidden[..., None], hidden
    special = torch.tensor(sorted(language.tokenizer.special), device=tokens.device)
    words = mask & ~torch.isin(tokens, special)
    return targets * words[..., None], torch.zeros_like(mask)
