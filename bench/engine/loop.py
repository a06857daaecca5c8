"""The optimisation loop over dummy inputs: one flat, masked loop for all victims.

Every evaluation serves every slot, whether its victim stands at a new iterate or inside its own line search. A finished
victim is handed on at once and its slot takes the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.directions import Direction
from bench.engine.matching import Matching
from bench.engine.state import Finished, Progress, State
from bench.engine.steps import Step, Trial
from bench.engine.stops import BUDGET, CONVERGED, GO_ON, Stop, Taken
from bench.engine.trace import Moments
from bench.messages import Status

_DIVERGED, _NONFINITE = 3, 4
_STATUS = {
    CONVERGED: Status.CONVERGED,
    BUDGET: Status.BUDGET,
    _DIVERGED: Status.DIVERGED,
    _NONFINITE: Status.NONFINITE,
}
_IMAGES, _CURVE = 16, 128  # moments kept of iterates and of the objective


@dataclass
class Minimiser:
    """Direction x step rule x stop.

    `select` says which iterate is returned: `best` by the attacker's own objective, or the `last` (the best finite one
    where the run diverged).
    """

    direction: Direction
    step: Step
    stop: Stop
    select: str
    moments: int = 8

    def __post_init__(self) -> None:
        if self.select not in ("best", "last"):
            raise ValueError(f"select={self.select!r}: want best or last")

    def run(
        self,
        matching: Matching,
        start: Callable[[Tensor], Tensor],
        total: int,
        slots: int,
        watch: Callable[[Progress], None] | None,
    ) -> Iterator[list[Finished]]:
        """Yields victims as they finish.

        Args:
            matching: the objective.
            start: `victims [k] -> [k, n]`, their initial variables.
            total: V; slots: how many are worked on at once.
            watch: called after each evaluation.
        """
        work = _Work(self, matching, start, total, min(slots, total))
        done = 0
        while len(work.state):
            finished = work.advance()
            done += len(finished)
            if watch is not None:
                watch(Progress(done, total, float(work.state.f.nanmedian()) if len(work.state) else float("nan")))
            if finished:
                yield finished


class _Work:
    """The loop's state and the queue of victims that wait."""

    def __init__(
        self, rule: Minimiser, matching: Matching, start: Callable[[Tensor], Tensor], total: int, slots: int
    ) -> None:
        self.rule, self.matching, self.start, self.total = rule, matching, start, total
        first = torch.arange(slots)
        x = start(first)
        self.queue = slots  # the next victim
        matching.load(first.to(x.device))
        zeros, ones = x.new_zeros(slots), torch.ones(slots, dtype=torch.bool, device=x.device)
        count = torch.zeros(slots, dtype=torch.long, device=x.device)
        self.state = State(
            victim=first.to(x.device),
            fresh=ones,
            x=x,
            f=zeros + torch.inf,
            g=torch.zeros_like(x),
            d=torch.zeros_like(x),
            t=zeros.clone(),
            slope=zeros.clone(),
            tries=count.clone(),
            iterations=count.clone(),
            evaluations=count.clone(),
            f_first=zeros.clone(),
            x_best=x.clone(),
            f_best=zeros + torch.inf,
            seconds=zeros.clone(),
        )
        self.past = rule.direction.start(x)
        self.counters = rule.stop.start(slots, x.device)
        self.images = Moments.start(slots, _IMAGES, x)
        self.curve = Moments.start(slots, _CURVE, x[:, :1])

    def advance(self) -> list[Finished]:
        """One evaluation for every slot, and what follows from it."""
        rule, state = self.rule, self.state
        began = time.perf_counter()
        moved = state.t.unsqueeze(1) * state.d
        there = state.x + moved
        after, g = self.matching(there)
        state.evaluations += 1
        finite = torch.isfinite(after) & torch.isfinite(g).all(1)
        trial = Trial(state.t, state.f, state.slope, torch.where(finite, after, torch.nan))
        accepted = state.fresh | rule.step.accept(trial)
        code = torch.zeros_like(state.victim)
        self._take(accepted, finite, there, moved, after, g, code)
        self._retry(~accepted, trial, code)
        state.seconds += (time.perf_counter() - began) / len(state)
        return self._hand_on(code)

    def _take(
        self, accepted: Tensor, finite: Tensor, there: Tensor, moved: Tensor, after: Tensor, g: Tensor, code: Tensor
    ) -> None:
        """Moves the slots whose trial was accepted, and gives them a new direction."""
        rule, state = self.rule, self.state
        if not accepted.any():
            return
        was_fresh = state.fresh.clone()
        rule.direction.learn(self.past, moved, g - state.g, accepted & ~was_fresh & finite)
        state.iterations += (accepted & ~was_fresh).long()
        before = state.f
        column = accepted.unsqueeze(1)
        state.x, state.g = torch.where(column, there, state.x), torch.where(column, g, state.g)
        state.f = torch.where(accepted, after, state.f)
        state.f_first = torch.where(was_fresh, after, state.f_first)
        state.fresh = state.fresh & ~accepted
        better = accepted & finite & (after < state.f_best)
        state.x_best = torch.where(better.unsqueeze(1), there, state.x_best)
        state.f_best = torch.where(better, after, state.f_best)
        self.images.see(state.iterations, state.x, accepted & finite)
        self.curve.see(state.iterations, state.f.unsqueeze(1), accepted & finite)
        taken = Taken(before, state.f, state.g, moved, state.iterations, state.evaluations)
        stopped = rule.stop(self.counters, taken, accepted)
        code += torch.where(accepted, stopped, GO_ON)
        self._turn(accepted)
        code += torch.where(accepted & (code == GO_ON) & rule.stop.stuck(state.slope), CONVERGED, GO_ON)
        bad = torch.where(was_fresh, _NONFINITE, _DIVERGED)
        code.copy_(torch.where(accepted & ~finite, bad, code))

    def _turn(self, slots: Tensor) -> None:
        """A new direction where the mask holds; steepest descent where it would not descend."""
        rule, state = self.rule, self.state
        d = rule.direction(self.past, state.g)
        slope = (d * state.g).sum(1)
        if rule.step.safeguarded:
            wrong = slots & ~(slope < 0)
            if wrong.any():
                self._forget(wrong)
                d = torch.where(wrong.unsqueeze(1), -state.g, d)
                slope = torch.where(wrong, -(state.g * state.g).sum(1), slope)
        self._aim(slots, d, slope)

    def _aim(self, slots: Tensor, d: Tensor, slope: Tensor) -> None:
        state = self.state
        state.d = torch.where(slots.unsqueeze(1), d, state.d)
        state.slope = torch.where(slots, slope, state.slope)
        first = self.rule.step.first(state.g, self.rule.direction.has_past(self.past))
        state.t = torch.where(slots, first, state.t)
        state.tries = torch.where(slots, 0, state.tries)

    def _forget(self, slots: Tensor) -> None:
        self.rule.direction.clear(self.past, slots)

    def _retry(self, rejected: Tensor, trial: Trial, code: Tensor) -> None:
        """A shorter step where the trial was rejected; a fresh direction, or the end, where the tries are used up."""
        rule, state = self.rule, self.state
        if not rejected.any():
            return
        state.tries += rejected.long()
        state.t = torch.where(rejected, rule.step.shorter(trial), state.t)
        over = rejected & rule.step.exhausted(state.tries)
        if over.any():
            again = over & rule.direction.has_past(self.past)
            code += torch.where(over & ~again, CONVERGED, GO_ON)  # not even steepest descent goes lower
            self._forget(again)
            self._aim(again, -state.g, -(state.g * state.g).sum(1))
        spent = rejected & (code == GO_ON) & (state.evaluations >= getattr(rule.stop, "evaluations", torch.inf))
        code += torch.where(spent, BUDGET, GO_ON)

    def _hand_on(self, code: Tensor) -> list[Finished]:
        """Takes finished victims out, and fills or closes their slots."""
        ended = torch.nonzero(code != GO_ON).flatten()
        finished = [self._finish(int(slot), int(code[slot])) for slot in ended]
        waiting = self.total - self.queue
        refill, close = ended[:waiting], ended[waiting:]
        if len(refill):
            self._refill(refill)
        if len(close):
            self._close(close)
        return finished

    def _finish(self, slot: int, code: int) -> Finished:
        state = self.state
        status = _STATUS[code]
        last_is_worse = bool(state.f[slot] > state.f_first[slot])
        if self.rule.select == "last" and status in (Status.CONVERGED, Status.BUDGET) and last_is_worse:
            status = Status.DIVERGED
        take_best = self.rule.select == "best" or status is Status.DIVERGED
        x, f = (state.x_best, state.f_best) if take_best else (state.x, state.f)
        at, images = self.images.pick(slot, self.rule.moments)
        curve_at, curve = self.curve.pick(slot, _CURVE)
        return Finished(
            victim=int(state.victim[slot]),
            x=x[slot].clone(),
            objective=float(f[slot]),
            iterations=int(state.iterations[slot]),
            evaluations=int(state.evaluations[slot]),
            seconds=float(state.seconds[slot]),
            status=status,
            at=at,
            images=images,
            curve_at=curve_at,
            curve=torch.where(curve_at >= 0, curve.squeeze(1), torch.nan),
        )

    def _refill(self, slots: Tensor) -> None:
        state = self.state
        victims = torch.arange(self.queue, self.queue + len(slots))
        self.queue += len(slots)
        mask = torch.zeros_like(state.fresh)
        mask[slots] = True
        self.matching.replace(slots, victims.to(slots.device))
        state.victim[slots] = victims.to(slots.device)
        state.x[slots] = self.start(victims)
        state.x_best[slots] = state.x[slots]
        counts = (state.tries, state.iterations, state.evaluations)
        for tensor in (state.g, state.d, state.t, state.slope, state.seconds, *counts):
            tensor[slots] = 0
        state.f[slots], state.f_best[slots] = torch.inf, torch.inf
        state.fresh[slots] = True
        self._forget(mask)
        self.rule.stop.clear(self.counters, mask)
        self.images.clear(mask)
        self.curve.clear(mask)

    def _close(self, slots: Tensor) -> None:
        """No victim waits: the slots go, and the rest works on in a smaller chunk."""
        state = self.state
        kept = torch.ones(len(state), dtype=torch.bool, device=state.victim.device)
        kept[slots] = False
        index = torch.nonzero(kept).flatten()
        self.state = state.keep(index)
        self.past, self.counters = self.past.keep(index), self.counters.keep(index)
        self.images, self.curve = self.images.keep(index), self.curve.keep(index)
        if len(index):
            self.matching.load(self.state.victim)
