"""CENSOR: Zhang et al., "CENSOR: Defense Against Gradient Inversion via Orthogonal Subspace Bayesian Sampling", 2025
(arXiv 2501.15718)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import vjp

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree, rng_of
from bench.defenses.mapping import stacked
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable
from bench.messages.flat import flat


def _unit(vectors: Tensor) -> Tensor:
    """`[..., n]` -> vectors of length 1; zero stays zero."""
    squares = vectors.square().sum(-1, keepdim=True)
    return vectors * squares.clamp(min=torch.finfo(squares.dtype).tiny).rsqrt()


def orthogonal(gradient: Tensor, drawn: Tensor) -> Tensor:
    """Random vectors of the gradient's length at a right angle to it: `[n]` and `[T, n]` -> `[T, n]`.

    A gradient of a single number has no direction at a right angle: zeros are returned, not its rounding error made
    long.

    Args:
        gradient: g.
        drawn: T random vectors r.
    """
    if len(gradient) == 1:
        return torch.zeros_like(drawn)
    axis, found = _unit(gradient), _unit(drawn)
    for _ in range(2):  # the second time removes what rounding left
        found = _unit(found - (found @ axis)[:, None] * axis)
    return gradient.norm() * found


def published(gradient: Tensor, drawn: Tensor) -> Tensor:
    """The vectors of the authors' code, which are not orthogonal to the gradient: `[n]` and `[T, n]` -> `[T, n]`.

    Of r / |r| the code subtracts (r'g / (|r| |g|)) g, whose g should be divided by |g| once more. With a the cosine of
    r and g, the cosine of the result and g is `a (1 - |g|) / sqrt(1 - 2 a^2 |g| + a^2 |g|^2)`, which is 0 for |g| = 1
    alone.

    Args:
        gradient: g.
        drawn: T random vectors r.
    """
    vectors = _unit(drawn)
    return gradient.norm() * _unit(vectors - (vectors @ _unit(gradient))[:, None] * gradient)


_PROJECTIONS = {"orthogonal": orthogonal, "published": published}


@dataclass(frozen=True)
class Censor(Defense):
    """Shares, in place of each tensor's gradient, a random vector of the same length at a right angle to it.

    Of several such updates r, the one is shared for which the loss at `parameters - lr r` is least.

    An attacker who knows this has two equations for each tensor, the angle and the length. Those of the last bias tell
    the label (`labels=censor`).

    Departs: the authors evaluate the loss. In float32 its differences between updates, of the order lr^2, are below
    rounding. Here updates are compared by its second-order expansion, `-lr r'g + lr^2 / 2 r'Hr`, with H the derivative
    of what the parts before this one share. The random vectors of all trials are in memory at once.

    Args:
        projection: `orthogonal`, as in the paper; or `published`, as in the authors' code (github.com/KaiyuanZh/censor,
            defense.py), whose vectors are at a right angle only to a gradient of length 1.
        trials: number of updates to choose from, >= 1.
        lr: length of the step after which the loss counts, > 0.
        seed: seed of the random numbers, in addition to that of the run.

    Raises:
        ValueError: an argument is out of its range.
    """

    projection: str
    trials: int
    lr: float
    seed: int
    level = "gradient"

    def __post_init__(self) -> None:
        if self.projection not in _PROJECTIONS:
            raise ValueError(f"projection={self.projection!r}: want {' or '.join(_PROJECTIONS)}")
        if self.trials < 1:
            raise ValueError(f"trials={self.trials}: must be >= 1")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr={self.lr}: must be > 0")

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that runs the inner step, and shares the best of the random updates."""
        return _Replaced(inner, self, inner.depth + 1)

    def gaussian_std(self, local: ClientContext) -> float | None:
        """Refuses, because the random numbers count as known to the attacker in a limit.

        Raises:
            NotApplicable: always.
        """
        raise NotApplicable(
            "defense Censor shares a random direction: the derivative of what is shared, for known random numbers, is "
            "no limit of an attacker who does not know them"
        )

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Returns None, because the update is chosen by the private batch again."""
        return None

    def updates(self, gradients: Tree, drawn: Tree) -> Tree:
        """The updates to choose from, `{name: [T, ...]}`.

        Args:
            gradients: `{name: tensor}`.
            drawn: `{name: [T, ...]}`, standard normal.
        """
        project = _PROJECTIONS[self.projection]
        return {
            name: project(value.flatten(), flat(drawn[name].to(value.dtype))).reshape(drawn[name].shape)
            for name, value in gradients.items()
        }


@dataclass(frozen=True, eq=False)
class _Replaced(ClientStep):
    inner: ClientStep
    part: Censor
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        own = rng_of(self.part, self.inner.depth, stream)
        drawn = stacked(lambda trial: own.child("trial", trial).normal(shapes), self.part.trials)
        return self.inner.noise(shapes, batch_size, stream), drawn

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        def inner(at: Tree) -> tuple[Tree, Any]:
            return self.inner(at, buffers, inputs, labels, noise[0], state)

        gradients, transposed, after = vjp(inner, parameters, has_aux=True)  # type: ignore[misc]
        updates = self.part.updates(gradients, noise[1])
        rises = torch.stack([self._rise(gradients, transposed, updates, i) for i in range(self.part.trials)])
        best = rises.argmin()[None]
        return {name: value.index_select(0, best)[0] for name, value in updates.items()}, after

    def _rise(self, gradients: Tree, transposed: Any, updates: Tree, trial: int) -> Tensor:
        """How much the loss rises along an update, `[]`, to second order and divided by lr."""
        update = {name: value[trial] for name, value in updates.items()}
        curved = transposed(update)[0]
        slope = sum((update[name] * value).sum() for name, value in gradients.items())
        curvature = sum((update[name] * value).sum() for name, value in curved.items())
        return self.part.lr / 2 * curvature - slope
