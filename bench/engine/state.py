"""What the loop carries along for each slot, and what it hands on for each finished victim."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.engine.slots import Slots
from bench.messages import Status


@dataclass(eq=False)
class State(Slots):
    """One row a slot."""

    victim: Tensor  # [S], position in the observation, -1 for an empty slot
    fresh: Tensor  # [S], whether the start has not been evaluated yet
    x: Tensor  # [S, n]
    f: Tensor  # [S]
    g: Tensor  # [S, n]
    d: Tensor  # [S, n]
    t: Tensor  # [S]
    slope: Tensor  # [S], d . g
    tries: Tensor  # [S], rejected trials along d
    iterations: Tensor  # [S]
    evaluations: Tensor  # [S]
    f_first: Tensor  # [S]
    x_best: Tensor  # [S, n], of all finite iterates by the attacker's objective
    f_best: Tensor  # [S]
    seconds: Tensor  # [S], its share of the wall time: what is worked on at once shares it


@dataclass
class Finished:
    """What became of one victim.

    `x` `[n]` is the iterate that the rule `select` names; `at`, `images` `[M, n]`, `curve_at`, `curve` `[K]` its trace.
    """

    victim: int
    x: Tensor
    objective: float
    iterations: int
    evaluations: int
    seconds: float
    status: Status
    at: Tensor
    images: Tensor
    curve_at: Tensor
    curve: Tensor


@dataclass
class Progress:
    """What a progress bar shows: victims finished of all, and the median objective of those at work."""

    finished: int
    total: int
    objective: float
