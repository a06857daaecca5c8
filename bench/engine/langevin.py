"""Langevin noise: each step is disturbed at random (Yin et al. 2021, GradInversion, arXiv 2104.07586, algorithm 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.directions import Direction, Iterate
from bench.engine.rng import draw
from bench.engine.slots import Slots


@dataclass(eq=False)
class DisturbedState(Slots):
    """The number of directions that each slot has taken, and the state of the direction that is disturbed."""

    steps: Tensor  # [S]
    inner: Slots

    def keep(self, index: Tensor) -> DisturbedState:
        """Returns the state of the slots in `index` only."""
        return DisturbedState(self.steps[index], self.inner.keep(index))


class Langevin(Direction):
    """Adds `amount` times standard normal noise to another direction; the step's length multiplies both.

    The noise of a victim's step depends on the seed, the victim's number and the number of the step alone.

    Args:
        direction: the direction that is disturbed.
        amount: alpha_n, >= 0, relative to the step's length.
        ids: returns the numbers of the victims in the slots, `[S]`.
        seed: seed of the attacker's random numbers.
    """

    def __init__(self, direction: Direction, amount: float, ids: Callable[[], Tensor], seed: int) -> None:
        self.direction, self.amount, self.ids, self.seed = direction, amount, ids, seed

    def start(self, like: Tensor) -> Slots:
        """Makes a state for slots shaped like `like` `[S, n]`, in which no step was taken."""
        steps = torch.zeros(len(like), dtype=torch.long, device=like.device)
        return DisturbedState(steps, self.direction.start(like))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Forgets the past of the masked slots, the number of their steps included."""
        assert isinstance(state, DisturbedState)
        state.steps[slots] = 0
        self.direction.clear(state.inner, slots)

    def has_past(self, state: Slots) -> Tensor:
        """Says which slots `[S]` have a past under the direction that is disturbed."""
        assert isinstance(state, DisturbedState)
        return self.direction.has_past(state.inner)

    def __call__(self, state: Slots, at: Iterate) -> Tensor:
        """Returns the other direction `[S, n]` with noise, and counts the steps."""
        assert isinstance(state, DisturbedState)
        d = self.direction(state.inner, at)
        places = zip(self.ids().tolist(), state.steps.tolist())
        noise = torch.stack([draw("normal", (d.shape[1],), self.seed, "langevin", *place) for place in places])
        state.steps = state.steps + at.here.long()
        return d + self.amount * noise.to(d)
