"""Step rules: whether a trial point is taken, and how long the next trial is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.engine.schedules import StepSizeSchedule
from bench.engine.slots import Nothing, Slots


@dataclass
class Trial:
    """S trial points x + t d, one a slot; all fields `[S]` but `g` and `d` `[S, n]`.

    `before` and `slope` are the objective and its directional derivative at x, `after` the objective at the trial (NaN
    where that or the gradient is not finite), `g` the gradient there.
    """

    t: Tensor
    before: Tensor
    slope: Tensor
    after: Tensor
    g: Tensor
    d: Tensor

    @cached_property
    def slope_after(self) -> Tensor:
        """`[S]`, the directional derivative at the trial."""
        return (self.g * self.d).sum(1)


@dataclass
class FallbackTrial:
    """Earlier trials, along the same directions, that are taken in place of the present ones where `slots` holds."""

    slots: Tensor  # [S]
    t: Tensor  # [S]
    f: Tensor  # [S]
    g: Tensor  # [S, n]


@dataclass
class LineSearchResult:
    """What a rule makes of a trial; a slot named by none of `take`, `over` and `kept` is tried again at `t`."""

    take: Tensor  # [S], the trial becomes the iterate
    t: Tensor  # [S], length of the next trial
    over: Tensor | None = None  # [S], the search along this direction has ended without a point to take
    kept: FallbackTrial | None = None


class StepRule(ABC):
    """Holds the rule; `StepRule.start` makes the state that the loop carries along for each slot.

    Args:
        lr: length of the first trial along a direction (times min(1, 1 / |g|_1) along a first, unscaled one).

    Raises:
        ValueError: lr is not above 0.
    """

    safeguarded: bool  # whether the loop replaces a direction that does not descend

    def __init__(self, lr: float) -> None:
        if lr <= 0:
            raise ValueError(f"lr={lr}: must be > 0 (step length along a direction)")
        self.lr = lr

    @abstractmethod
    def start(self, like: Tensor) -> Slots:
        """State for slots shaped like `like` `[S, n]`."""

    @abstractmethod
    def clear(self, state: Slots, slots: Tensor) -> None:
        """Begins a search along a new direction where the mask `slots` `[S]` holds."""

    def first(self, g: Tensor, has_past: Tensor, iterations: Tensor) -> Tensor:
        """`[S]`, the length of the first trial along a new direction, as in `torch.optim.LBFGS`.

        Args:
            g: `[S, n]`, gradients; has_past: `[S]`, whether the direction is scaled by what was learnt.
            iterations: `[S]`, steps that each victim has taken so far.
        """
        full = torch.full_like(g[:, 0], self.lr)
        if has_past.all():
            return full
        return torch.where(has_past, full, (1.0 / g.abs().sum(1)).clamp(max=1.0) * self.lr)

    @abstractmethod
    def judge(self, state: Slots, trial: Trial) -> LineSearchResult:
        """Judges the trials of all slots, and notes them in `state`."""


class _TakesAll(StepRule):
    """No search, and so nothing to carry along."""

    safeguarded = False

    def start(self, like: Tensor) -> Slots:
        """Nothing but a length."""
        return Nothing(like.new_zeros(like.shape[0]))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Nothing to begin."""

    def judge(self, state: Slots, trial: Trial) -> LineSearchResult:
        """Takes it."""
        return LineSearchResult(torch.ones_like(trial.t, dtype=torch.bool), trial.t)


class Fixed(_TakesAll):
    """Takes every trial, as `torch.optim.LBFGS` does without a line search: it may diverge."""


class Scheduled(_TakesAll):
    """Takes every trial; its length follows the victim's own count of iterations, as a learning rate does.

    Args:
        lr: length of a step where the schedule is at 1.
        schedule: see `bench.engine.schedules`.

    Raises:
        ValueError: lr is not above 0.
    """

    def __init__(self, lr: float, schedule: StepSizeSchedule) -> None:
        super().__init__(lr)
        self.schedule = schedule

    def first(self, g: Tensor, has_past: Tensor, iterations: Tensor) -> Tensor:
        """`lr` times the schedule; the gradient has no say."""
        return (self.lr * self.schedule(iterations.double())).to(g.dtype)


@dataclass(eq=False)
class _Tries(Slots):
    tries: Tensor  # [S], rejected trials along the direction


class Backtracking(StepRule):
    """Armijo's rule with quadratic interpolation (Nocedal and Wright 2006, section 3.5).

    Args:
        lr: length of the first trial.
        decrease: c1 in f(x + t d) <= f(x) + c1 t d.g, in (0, 1).
        tries: rejected trials after which the direction is given up.

    Raises:
        ValueError: an argument is out of its range.
    """

    safeguarded = True

    def __init__(self, lr: float, decrease: float, tries: int) -> None:
        super().__init__(lr)
        if not 0 < decrease < 1:
            raise ValueError(f"decrease={decrease}: must lie in (0, 1)")
        if tries < 1:
            raise ValueError(f"tries={tries}: must be >= 1")
        self.decrease = decrease
        self.tries = tries

    def start(self, like: Tensor) -> Slots:
        """Counters of rejected trials."""
        return _Tries(torch.zeros(like.shape[0], dtype=torch.long, device=like.device))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Counters at zero."""
        assert isinstance(state, _Tries)
        state.tries.masked_fill_(slots, 0)

    def judge(self, state: Slots, trial: Trial) -> LineSearchResult:
        """Takes what is finite and low enough; otherwise the minimum of a parabola, kept inside [0.1 t, 0.5 t]."""
        assert isinstance(state, _Tries)
        take = trial.after <= trial.before + self.decrease * trial.t * trial.slope
        if take.all():
            return LineSearchResult(take, trial.t)
        state.tries += (~take).long()
        return LineSearchResult(take, self._shorter(trial), ~take & (state.tries >= self.tries))

    def _shorter(self, trial: Trial) -> Tensor:
        curvature = 2 * (trial.after - trial.before - trial.slope * trial.t)
        guess = -trial.slope * trial.t**2 / curvature
        low, high = 0.1 * trial.t, 0.5 * trial.t
        return torch.where(torch.isfinite(guess), torch.minimum(torch.maximum(guess, low), high), low)
