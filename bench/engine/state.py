"""What the loop carries along for each slot, and what it hands on for each finished victim."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from bench.engine.slots import Slots
from bench.messages import Status


@dataclass(eq=False)
class State(Slots):
    """One row a slot."""

    victim: Tensor  # [S], position in the observation
    fresh: Tensor  # [S], whether the start has not been evaluated yet
    x: Tensor  # [S, n]
    f: Tensor  # [S]
    g: Tensor  # [S, n]
    d: Tensor  # [S, n]
    t: Tensor  # [S]
    slope: Tensor  # [S], d . g
    iterations: Tensor  # [S]
    evaluations: Tensor  # [S]
    f_first: Tensor  # [S]
    x_best: Tensor  # [S, n], of all finite iterates by the attacker's objective, once x is another (f > f_best)
    f_best: Tensor  # [S]
    seconds: Tensor  # [S], its share of the wall time: what is worked on at once shares it

    @classmethod
    def start(cls, victims: Tensor, x: Tensor) -> State:
        """`victims` `[S]` at their starts `x` `[S, n]`."""
        zeros, count = x.new_zeros(len(x)), torch.zeros_like(victims)
        return cls(
            victim=victims,
            fresh=torch.ones_like(victims, dtype=torch.bool),
            x=x.clone(),
            f=zeros + torch.inf,
            g=torch.zeros_like(x),
            d=torch.zeros_like(x),
            t=zeros.clone(),
            slope=zeros.clone(),
            iterations=count.clone(),
            evaluations=count.clone(),
            f_first=zeros.clone(),
            x_best=x.clone(),
            f_best=zeros + torch.inf,
            seconds=zeros.double(),
        )

    def replace(self, slots: Tensor, victims: Tensor, x: Tensor) -> None:
        """Puts `victims` `[k]` at their starts `x` `[k, n]` into the slots numbered `slots` `[k]`."""
        new = State.start(victims, x)
        for field in fields(self):
            getattr(self, field.name)[slots] = getattr(new, field.name)


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
    """What came of an evaluation, for a progress bar or a meter.

    Args:
        finished, total: victims.
        active: how many victims the evaluation served (slots that idle along are not counted).
        objective: the median of those at work.
    """

    finished: int
    total: int
    active: int
    objective: float
