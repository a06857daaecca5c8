"""Step rules: whether a trial point is accepted, and how long the next trial step is."""

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
    """S trial points x + t d, one per slot; all fields are `[S]` except `g` and `d`, which are `[S, n]`.

    Args:
        t: length of the step along d.
        before: objective at x.
        slope: directional derivative at x.
        after: objective at the trial point, NaN if it or the gradient is not finite.
        g: gradient at the trial point.
        d: direction.
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
    """Earlier trials along the same directions, which replace the present ones in the slots of the mask `slots`."""

    slots: Tensor  # [S]
    t: Tensor  # [S]
    f: Tensor  # [S]
    g: Tensor  # [S, n]


@dataclass
class LineSearchResult:
    """A rule's verdict on a trial; slots in none of `take`, `over` and `kept` are tried again with length `t`."""

    take: Tensor  # [S], whether the trial becomes the iterate
    t: Tensor  # [S], length of the next trial
    over: Tensor | None = None  # [S], whether the search along this direction ended without a point to take
    kept: FallbackTrial | None = None


class StepRule(ABC):
    """A rule for step lengths; `StepRule.start` makes the state that the loop passes back to it.

    Args:
        lr: length of the first trial along a direction, > 0. If the direction uses no past steps, it is multiplied by
            min(1, 1 / |g|_1), as in `torch.optim.LBFGS`, or by 1 / |g|_1 if the rule is safeguarded: where gradients
            are small, as with PyTorch's own initialisation, the factor 1 would make steps of no length.

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
        """Makes the state for slots shaped like `like` `[S, n]`."""

    @abstractmethod
    def clear(self, state: Slots, slots: Tensor) -> None:
        """Begins a search along a new direction in the slots of the mask `slots` `[S]`."""

    def first(self, g: Tensor, has_past: Tensor, iterations: Tensor) -> Tensor:
        """Returns the length `[S]` of the first trial along a new direction.

        Args:
            g: `[S, n]`, gradients.
            has_past: `[S]`, whether the direction uses past steps, and so has a scale.
            iterations: `[S]`, steps that each victim has taken so far.
        """
        full = torch.full_like(g[:, 0], self.lr)
        if has_past.all():
            return full
        longest = torch.finfo(g.dtype).max if self.safeguarded else 1.0
        return torch.where(has_past, full, (1.0 / g.abs().sum(1)).clamp(max=longest) * self.lr)

    @abstractmethod
    def judge(self, state: Slots, trial: Trial) -> LineSearchResult:
        """Judges the trials of all slots, and records them in `state`."""


class _TakesAll(StepRule):
    """A rule that takes every trial, and so has no state."""

    safeguarded = False

    def start(self, like: Tensor) -> Slots:
        """Makes a state that holds nothing but the number of slots of `like` `[S, n]`."""
        return Nothing(like.new_zeros(like.shape[0]))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Does nothing, since there is no search to begin."""

    def judge(self, state: Slots, trial: Trial) -> LineSearchResult:
        """Takes the trial of every slot, whatever its objective is."""
        return LineSearchResult(torch.ones_like(trial.t, dtype=torch.bool), trial.t)


class Fixed(_TakesAll):
    """Takes every trial, as `torch.optim.LBFGS` does without a line search. The iterates may diverge."""


class Scheduled(_TakesAll):
    """Takes every trial; the step length follows the victim's own iteration count, as a learning rate does.

    Args:
        lr: length of a step at which the schedule is 1, > 0.
        schedule: see `bench.engine.schedules`.

    Raises:
        ValueError: lr is not above 0.
    """

    def __init__(self, lr: float, schedule: StepSizeSchedule) -> None:
        super().__init__(lr)
        self.schedule = schedule

    def first(self, g: Tensor, has_past: Tensor, iterations: Tensor) -> Tensor:
        """Returns `lr` times the schedule `[S]`, whatever the gradient is.

        Args:
            g: `[S, n]`, gradients; only their type is used.
            has_past: not used.
            iterations: `[S]`, steps that each victim has taken so far.
        """
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
        """Makes counters of rejected trials, all zero, for slots shaped like `like` `[S, n]`."""
        return _Tries(torch.zeros(like.shape[0], dtype=torch.long, device=like.device))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Sets the counters of the masked slots to zero."""
        assert isinstance(state, _Tries)
        state.tries.masked_fill_(slots, 0)

    def judge(self, state: Slots, trial: Trial) -> LineSearchResult:
        """Takes a trial whose objective is finite and low enough.

        Otherwise the next trial is the minimum of the parabola through the values and the slope, clamped to [0.1 t, 0.5
        t].
        """
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
