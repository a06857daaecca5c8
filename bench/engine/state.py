"""What the loop carries for each slot, and what it returns for each finished victim."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from bench.engine.slots import Slots
from bench.messages.status import Status


@dataclass(eq=False)
class State(Slots):
    """What the loop knows about the victim in each slot; one row per slot."""

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
    x_best: Tensor  # [S, n], the best finite iterate; valid only while f > f_best, since otherwise x is the best one
    f_best: Tensor  # [S]
    seconds: Tensor  # [S], its share of the wall time, which the victims at work divide equally

    @classmethod
    def start(cls, victims: Tensor, x: Tensor) -> State:
        """Makes the state of `victims` `[S]` at their starts `x` `[S, n]`."""
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
        """Puts new victims into some slots.

        Args:
            slots: `[k]`, the numbers of the slots.
            victims: `[k]`, the victims that enter them.
            x: `[k, n]`, their initial variables.
        """
        new = State.start(victims, x)
        for field in fields(self):
            getattr(self, field.name)[slots] = getattr(new, field.name)


@dataclass
class Finished:
    """The result of one victim, or of one run of it.

    Args:
        victim: position of the victim in the observation.
        x: `[n]`, the iterate that the rule `select` names.
        objective: the objective at `x`.
        iterations: steps taken.
        evaluations: evaluations of the objective and its gradient.
        seconds: share of the wall time, which the victims at work divide equally; slots without one take no share.
        status: why the run ended.
        at: `[M]`, int64, the iterations of the iterates kept, -1 at unused entries.
        images: `[M, n]`, the iterates kept.
        curve_at: `[K]`, int64, the iterations of the objectives kept, -1 at unused entries.
        curve: `[K]`, the objectives kept, NaN at unused entries.
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
    """The state of the work after an evaluation, for a progress bar or a meter.

    Args:
        finished: number of victims that have finished.
        total: number of victims.
        active: number of victims that the evaluation served; slots without a victim are not counted.
        objective: the median over the victims at work.
        budget: the most evaluations that each of them may use.
        beside: evaluations that new directions took, over all victims (`Direction.cost`).
    """

    finished: int
    total: int
    active: int
    objective: float
    budget: int
    beside: int = 0

    @property
    def evaluations(self) -> int:
        """All evaluations since the last report."""
        return self.active + self.beside
