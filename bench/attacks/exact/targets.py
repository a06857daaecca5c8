"""What was predicted: labels, hidden words and last words, of sentences that are known otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.units import comparable
from bench.messages import Language

Tree = dict[str, Tensor]


@dataclass(eq=False)
class TargetSearch:
    """Finds targets by the gradient, which is linear in them.

    The gradient of a cross entropy is a sum over predictions of (softmax - target) times a Jacobian that the inputs
    alone decide. So the squared distance between two gradients is a quadratic function of the open targets, taken as
    probabilities: conjugate gradients (Hestenes and Stiefel 1952) descend it from the uniform distribution, and after
    each step the most probable class of every open target is tried. The first step scores all classes of all targets at
    once, and mostly suffices; sentences with similar gradients take as many as there are of them.

    Args:
        gradient: `(targets) -> {name: gradient}`, with the sentences in place; `Task.gradient` has the shapes.
        observed: the gradient that was shared.
        unit: see `Task.unit`. Where it is None, gradients are compared at length 1, which is quadratic only nearly.
        enough: relative squared distance between gradients at which all targets are known.
        steps: of conjugate gradients at most.
        evaluations: gradients computed so far.
    """

    gradient: Callable[[Tensor], Tree]
    observed: Tree
    unit: float | None
    enough: float
    steps: int
    evaluations: int = 0

    def distance(self, targets: Tensor) -> Tensor:
        """Relative squared distance between gradients: sum of squared differences over sum of squares."""
        self.evaluations += 1
        one = {name: value[None] for name, value in self.gradient(targets).items()}
        found, observed = comparable(one, {name: value[None] for name, value in self.observed.items()}, self.unit)
        zero = targets.new_zeros(())
        size = sum((value.square().sum() for value in observed.values()), zero)
        return sum(((found[name] - value).square().sum() for name, value in observed.items()), zero) / size

    def __call__(self, targets: Tensor, still_open: Tensor) -> tuple[Tensor, float]:
        """The targets that explain the gradient best, and the distance that is left.

        Args:
            targets: probabilities `[B, K]` or `[B, T, K]`, 0 where nothing is predicted.
            still_open: `[B]` or `[B, T]`, bool, which of them are not known.
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
        """The open targets `[open, K]` after each step; they sum to 1, and need not be positive."""
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
            # the slope is affine, so its change along a step of length 1 is the curvature along it
            curved = (self._slope(targets, still_open, start + direction / length) - here) * length
            curvature = (direction * curved).sum()
            if not curvature > 0:
                yield soft + direction
                return
            step = size / curvature
            soft, residual, before = soft + step * direction, residual - step * curved, size
            yield soft

    def _slope(self, targets: Tensor, still_open: Tensor, soft: Tensor) -> Tensor:
        """Of the distance with respect to open targets `[open, K]`, along changes that keep their sums."""
        free = soft.clone().requires_grad_()
        index = still_open.nonzero().unbind(1)
        (slope,) = torch.autograd.grad(self.distance(targets.index_put(index, free)), free)
        return slope - slope.mean(-1, keepdim=True)


def targets_of(language: Language, tokens: Tensor, mask: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """What sentences say about their targets: probabilities `[B, K]` or `[B, T, K]`, and which are open.

    A classifier's are all open. A causal model predicts every token but the first: the last one of a sentence enters
    nowhere else, so it is open. A masked one predicts what is hidden, which is open, or, where nothing is, every word.

    Args:
        language: what is public about the model. classes: K.
        tokens: `[B, T]`. mask: `[B, T]`, bool, True at tokens.
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
