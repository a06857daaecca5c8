"""The strong-Wolfe line search, as a state machine that advances one trial at a time in each slot."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.slots import Slots
from bench.engine.steps import FallbackTrial, LineSearchResult, StepRule, Trial


@dataclass(eq=False)
class Point(Slots):
    """S points on the lines x + t d, one per slot; all fields are `[S]`."""

    t: Tensor
    f: Tensor  # objective
    slope: Tensor  # directional derivative

    @classmethod
    def choose(cls, mask: Tensor, yes: Point, no: Point) -> Point:
        """Takes a slot's point from `yes` if the mask holds for it, and else from `no`.

        Args:
            mask: `[S]`, bool.
            yes: points of the slots in the mask.
            no: points of the other slots.
        """
        pairs = ((yes.t, no.t), (yes.f, no.f), (yes.slope, no.slope))
        return cls(*(torch.where(mask, a, b) for a, b in pairs))


@dataclass(eq=False)
class WolfeSearch(Slots):
    """The state of the search in each slot; `low` is the previous trial as long as no bracket is found.

    Only the gradient at `low` can be needed later, and only if `low` is a trial. No gradient is kept for x itself.
    """

    tries: Tensor  # [S], trials judged along the direction
    zoom: Tensor  # [S], whether [low, high] brackets a minimum
    slow: Tensor  # [S], whether the last trial was close to an end of the bracket
    low: Point
    high: Point
    g: Tensor  # [S, n], gradient at low

    def keep(self, index: Tensor) -> WolfeSearch:
        """Returns the state of the slots in `index` only."""
        points = (self.low.keep(index), self.high.keep(index))
        return WolfeSearch(self.tries[index], self.zoom[index], self.slow[index], *points, self.g[index])


class StrongWolfe(StepRule):
    """Bracketing and zoom with cubic interpolation (Nocedal and Wright 2006, algorithms 3.5 and 3.6).

    A point is taken if f(x + t d) <= f(x) + c1 t d.g and |d.g'| <= c2 |d.g|, where g' is the gradient there. The trials
    are those of `torch.optim.LBFGS(line_search_fn="strong_wolfe")`, in the same order. One evaluation of the loop
    serves all victims, whether they bracket, zoom or stand at a new iterate. If the search ends without such a point,
    the lowest end of the bracket is taken with its stored gradient, without a further evaluation.

    Departs from torch in three points. A trial that is not finite closes the bracket, which is then halved (torch
    extrapolates with NaN). Of two ends that are equally low, the older stays the low one (torch takes the first in the
    bracket). If even the lowest end is x itself, the direction is given up and steepest descent follows (torch repeats
    the same search until its budget ends).

    Args:
        lr: length of the first trial, > 0.
        decrease: c1, in (0, c2); torch has 1e-4.
        curvature: c2, in (c1, 1); torch has 0.9.
        tries: trials after the first along one direction, >= 1; torch has what is left of `max_eval`.
        width: the bracket is too small once its width times max |d| is below this, >= 0; torch has 1e-9.

    Raises:
        ValueError: an argument is out of its range.
    """

    safeguarded = True

    def __init__(self, lr: float, decrease: float, curvature: float, tries: int, width: float) -> None:
        super().__init__(lr)
        if not 0 < decrease < curvature < 1:
            raise ValueError(f"decrease={decrease}, curvature={curvature}: want 0 < decrease < curvature < 1")
        if tries < 1:
            raise ValueError(f"tries={tries}: must be >= 1")
        if width < 0:
            raise ValueError(f"width={width}: must be >= 0")
        self.decrease, self.curvature, self.tries, self.width = decrease, curvature, tries, width

    def start(self, like: Tensor) -> Slots:
        """Makes searches that have not begun, for slots shaped like `like` `[S, n]`."""
        zeros = like.new_zeros(like.shape[0])
        count = torch.zeros_like(zeros, dtype=torch.long)
        point = Point(zeros, zeros, zeros)
        return WolfeSearch(count, count.bool(), count.bool(), point, point, torch.zeros_like(like))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Begins a new search in the masked slots; its first trial sets the points."""
        assert isinstance(state, WolfeSearch)
        state.tries = state.tries.masked_fill(slots, 0)
        state.zoom, state.slow = state.zoom & ~slots, state.slow & ~slots

    def judge(self, state: Slots, trial: Trial) -> LineSearchResult:
        """Advances the search of every slot by one transition."""
        assert isinstance(state, WolfeSearch)
        after = trial.after  # NaN fails every comparison, and makes a bracket whose cubic does not exist
        new = Point(trial.t, after, trial.slope_after)
        begun = state.tries > 0
        low = Point.choose(begun, state.low, Point(torch.zeros_like(trial.t), trial.before, trial.slope))
        high_up = ~(after <= trial.before + self.decrease * trial.t * trial.slope)
        flat = new.slope.abs() <= -self.curvature * trial.slope
        spent = state.tries >= self.tries
        # Algorithm 3.5: trials grow until one is good or closes a bracket. As in torch, the comparison with the
        # previous trial begins with the third one.
        growing = ~state.zoom & ~spent
        over_hill = high_up | ((state.tries > 1) & (after >= low.f))
        closes = growing & (over_hill | (~flat & (new.slope >= 0)))
        # Algorithm 3.6: trials inside the bracket.
        worse = state.zoom & (high_up | (after >= low.f))
        better = state.zoom & ~worse
        take = (growing & ~over_hill & flat) | (better & flat) | (~state.zoom & spent & (after < trial.before))
        if take.all():
            return LineSearchResult(take, trial.t)
        self._narrow(state, low, new, closes, worse, better, trial.g)
        onwards = growing & ~closes & ~take
        state.zoom = state.zoom | closes
        small = (state.high.t - state.low.t).abs() * trial.d.abs().amax(1) < self.width
        ended = ~take & ((state.zoom & (spent | small)) | (~state.zoom & spent))
        kept = ended & state.zoom & (state.low.t > 0)
        grown = _cubic(low, new, new.t + 0.01 * (new.t - low.t), 10 * new.t)
        t = torch.where(onwards, grown, self._inside(state, ~take & state.zoom))
        if onwards.any():
            state.low = Point.choose(onwards, new, state.low)
            state.g = torch.where(onwards.unsqueeze(1), trial.g, state.g)
        state.tries = state.tries + 1
        return LineSearchResult(
            take, t, ended & ~kept, FallbackTrial(kept, state.low.t, state.low.f, state.g) if kept.any() else None
        )

    def _narrow(
        self, state: WolfeSearch, low: Point, new: Point, closes: Tensor, worse: Tensor, better: Tensor, g: Tensor
    ) -> None:
        """The bracket `[low, high]`, low the lower end, after the trial `new` closed it, or fell inside it."""
        new_is_low = better | ((closes | worse) & (new.f < low.f))
        past_minimum = new.slope * (state.high.t - low.t) >= 0
        low_is_high = (new_is_low & ~better) | (better & past_minimum)
        state.high = Point.choose(low_is_high, low, state.high)
        state.high = Point.choose((closes | worse) & ~new_is_low, new, state.high)
        state.low = Point.choose(new_is_low, new, low)
        if new_is_low.any():
            state.g = torch.where(new_is_low.unsqueeze(1), g, state.g)

    def _inside(self, state: WolfeSearch, slots: Tensor) -> Tensor:
        """`[S]`, the next trial inside the brackets: not too close to an end twice."""
        left, right = torch.minimum(state.low.t, state.high.t), torch.maximum(state.low.t, state.high.t)
        t = _cubic(state.low, state.high, left, right)
        margin = 0.1 * (right - left)
        close = torch.minimum(right - t, t - left) < margin
        moved = close & (state.slow | (t >= right) | (t <= left))
        state.slow = torch.where(slots, close & ~moved, state.slow)
        away = torch.where((t - right).abs() < (t - left).abs(), right - margin, left + margin)
        return torch.where(moved, away, t)


def _cubic(one: Point, other: Point, low: Tensor, high: Tensor) -> Tensor:
    """`[S]`, the minimum of the cubic through both points with their slopes, inside [low, high]; else its middle.

    Nocedal and Wright 2006, equation 3.59.
    """
    swap = one.t > other.t
    a, b = Point.choose(swap, other, one), Point.choose(swap, one, other)
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    d2 = square.clamp(min=0).sqrt()
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    found = (square >= 0) & ~t.isnan()
    return torch.where(found, torch.minimum(torch.maximum(t, low), high), (low + high) / 2)
