"""The state of the solver: one evaluation of the loop for every slot, and the steps that follow from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.box import Box
from bench.engine.directions import Direction, Iterate
from bench.engine.slotted_objective import SlottedObjective
from bench.engine.state import State
from bench.engine.steps import FallbackTrial, LineSearchResult, StepRule, Trial
from bench.engine.stops import BUDGET, CONVERGED, GO_ON, StepOutcome, Stop
from bench.engine.trace import TraceBuffer, TraceConfig

DIVERGED, NONFINITE = 3, 4  # further codes beside those of `bench.engine.stops`
CURVE = 128  # number of values of the objective that are kept per run


@dataclass
class Move:
    """The points at which the slots were evaluated, and the results."""

    there: Tensor  # [S, n]
    s: Tensor  # [S, n], the step that leads there
    f: Tensor  # [S]
    g: Tensor  # [S, n]
    finite: Tensor  # [S]


class SolverState:
    """The slots at work: their state, and the rules by which their iterates move.

    Args:
        direction: see `bench.engine.directions`.
        step: see `bench.engine.steps`.
        stop: see `bench.engine.stops`.
        box: bounds onto which every step is projected; None for no bounds.
        objective: the function that is minimised.
        keeping: which iterates are kept for the trace.
    """

    def __init__(
        self,
        direction: Direction,
        step: StepRule,
        stop: Stop,
        box: Box | None,
        objective: SlottedObjective,
        keeping: TraceConfig,
    ) -> None:
        self.direction, self.step, self.stop, self.box = direction, step, stop, box
        self.objective, self.keeping = objective, keeping

    def begin(
        self, victims: Sequence[int | None], start: Callable[[Tensor], Tensor], *, keeps_size: bool = False
    ) -> None:
        """Fills the slots.

        Args:
            victims: the victim of each of the S slots. None marks a slot without a victim; it repeats the work of the
                first victim, and its result is dropped.
            start: `victims [k] -> [k, n]`, their initial variables.
            keeps_size: whether there are S slots to the end, however few of them have a victim.
        """
        busy = [slot for slot, victim in enumerate(victims) if victim is not None]
        there = torch.tensor([victim for victim in victims if victim is not None])
        x = start(there)
        row = torch.zeros(len(victims), dtype=torch.long, device=x.device)
        row[busy] = torch.arange(len(busy), device=x.device)
        x, everyone, slots = x[row], there.to(x.device)[row], len(victims)
        self.objective.load(everyone)
        self.state = State.start(everyone, x)
        self.past = self.direction.start(x)
        self.search = self.step.start(x)
        self.counters = self.stop.start(slots, x.device)
        self.parked = torch.ones(slots, dtype=torch.bool, device=x.device)
        self.parked[busy] = False
        self.keeps_size = keeps_size
        self.images = TraceBuffer.start(slots, self.keeping.room, self.keeping.stride, x)
        self.curve = TraceBuffer.start(slots, CURVE, 1, x[:, :1])

    def numbers(self, values: Sequence[int] | Tensor) -> Tensor:
        """Puts the numbers of slots or of victims, `[k]`, on the device of the state."""
        return torch.as_tensor(values, device=self.parked.device)

    def median(self) -> float:
        """The median of the objective over the slots at work; NaN if there is none."""
        return float(self.state.f.masked_fill(self.parked, torch.nan).nanmedian()) if len(self.state) else torch.nan

    def replace(self, slots: Tensor, victims: Tensor, x: Tensor) -> None:
        """Puts new victims into some slots, and clears what the rules remember of these slots.

        Args:
            slots: `[k]`, the numbers of the slots.
            victims: `[k]`, the victims that enter them.
            x: `[k, n]`, their initial variables.
        """
        mask = torch.zeros_like(self.state.fresh)
        mask[slots] = True
        self.objective.replace(slots, victims)
        self.state.replace(slots, victims, x)
        self.direction.clear(self.past, mask)
        self.step.clear(self.search, mask)
        self.stop.clear(self.counters, mask)
        self.images.clear(mask)
        self.curve.clear(mask)

    def park(self, slots: Tensor) -> None:
        """Closes the slots numbered `slots` `[k]`, since no victim waits for them.

        Closed slots are still computed in two cases: if the number of slots is fixed, or if that is quicker. It is
        quicker if the function was compiled for all slots, as long as more than half of them are open.
        """
        self.parked[slots] = True
        busy = torch.nonzero(~self.parked).flatten()
        compiled = getattr(self.objective, "compiled_slots", None) == len(self.parked)
        if not self.keeps_size and not (compiled and 2 * len(busy) > len(self.parked)):
            self.keep(busy)

    def keep(self, index: Tensor) -> None:
        """Drops all slots but those in `index`."""
        self.parked = self.parked[index]
        self.state, self.past, self.search = self.state.keep(index), self.past.keep(index), self.search.keep(index)
        self.counters, self.images, self.curve = (
            self.counters.keep(index),
            self.images.keep(index),
            self.curve.keep(index),
        )
        if len(index):
            self.objective.load(self.state.victim)

    def jump(self, slots: Tensor, x: Tensor) -> None:
        """Moves iterates to `x` `[S, n]` for the slots in the mask `slots` `[S]`, as a search outside decides.

        The slots are evaluated at their new iterates before their next step. The history of the direction and the best
        iterate are kept.
        """
        state, row = self.state, slots.unsqueeze(1)
        best = slots & (state.f == state.f_best)
        state.x_best[best] = state.x[best]
        state.x, state.d = torch.where(row, x, state.x), state.d.masked_fill(row, 0)
        state.f = state.f.masked_fill(slots, torch.inf)
        state.fresh = state.fresh | slots

    def advance(self) -> Tensor:
        """Evaluates once, and returns a code per slot `[S]`: why its victim has finished, or `GO_ON`."""
        state = self.state
        began, self.beside = time.perf_counter(), 0
        move, d = self._evaluate()
        verdict = self.step.judge(
            self.search, Trial(state.t, state.f, state.slope, move.f.masked_fill(~move.finite, torch.nan), move.g, d)
        )
        accepted = state.fresh | verdict.take
        if verdict.kept is not None:
            accepted = accepted | verdict.kept.slots
            move = self._go_back(move, verdict.kept)
        code = torch.zeros_like(state.victim)
        every = bool(accepted.all())
        if every or accepted.any():
            self._take(accepted, every, move, code)
        if not every:
            self._retry(~accepted, verdict, code)
        # slots without a victim are computed too, on behalf of those at work
        state.seconds += (time.perf_counter() - began) / max(1, int((~self.parked).sum()))
        return code

    def _evaluate(self) -> tuple[Move, Tensor]:
        """Evaluates the trial points; returns them, and their directions without the entries that the box cut."""
        state = self.state
        s = state.t.unsqueeze(1) * state.d
        there = state.x + s
        d = state.d
        if self.box is not None:
            free, there = there, self._boxed(there)
            s, d = there - state.x, d.masked_fill(there != free, 0)
        if (prepare := getattr(self.objective, "prepare", None)) is not None:
            prepare(state.evaluations)
        f, g = self.objective(there)
        state.evaluations += 1
        finite = torch.isfinite(f) & torch.isfinite(g.sum(1))  # the sum is not finite if an entry is not
        return Move(there, s, f, g, finite), d

    def _boxed(self, there: Tensor) -> Tensor:
        """Projects the ends of steps onto the box; a start stays where it is."""
        assert self.box is not None
        projected = self.box.project(there)
        return torch.where(self.state.fresh.unsqueeze(1), there, projected) if self.state.fresh.any() else projected

    def _go_back(self, move: Move, kept: FallbackTrial) -> Move:
        """Replaces the present trials by the earlier ones that the step rule takes instead."""
        row = kept.slots.unsqueeze(1)
        s = torch.where(row, kept.t.unsqueeze(1) * self.state.d, move.s)
        there = torch.where(row, self.state.x + s, move.there)
        if self.box is not None:
            there = self._boxed(there)
            s = there - self.state.x
        f, g = torch.where(kept.slots, kept.f, move.f), torch.where(row, kept.g, move.g)
        return Move(there, s, f, g, move.finite | kept.slots)

    def _take(self, accepted: Tensor, every: bool, move: Move, code: Tensor) -> None:
        """Moves the slots whose trial was accepted, and computes their new directions."""
        state = self.state
        was_fresh, before, g_before = state.fresh, state.f, state.g
        stepped = accepted & ~was_fresh
        finite = accepted & move.finite
        state.iterations += stepped.long()
        self._remember_best(accepted, finite, move)
        if every:
            state.x, state.g, state.f = move.there, move.g, move.f
        else:
            row = accepted.unsqueeze(1)
            state.x, state.g = torch.where(row, move.there, state.x), torch.where(row, move.g, state.g)
            state.f = torch.where(accepted, move.f, state.f)
        state.f_first = torch.where(was_fresh, move.f, state.f_first)
        state.fresh = torch.zeros_like(was_fresh)  # a start is always accepted
        self.images.see(state.iterations, state.x, finite)
        self.curve.see(state.iterations, state.f.unsqueeze(1), finite)
        taken = StepOutcome(before, state.f, state.g, move.s, state.iterations, state.evaluations)
        code += self.stop(self.counters, taken, accepted).masked_fill(~accepted, GO_ON)
        idle = self.parked | (code != GO_ON)
        self._turn(Iterate(state.x, state.g, move.s, g_before, stepped & move.finite, accepted, idle), every)
        stuck = self.stop.stuck(state.slope)
        if self.step.safeguarded:
            stuck = stuck | ~(state.slope < 0)  # not even steepest descent leads down
        code.masked_fill_(accepted & (code == GO_ON) & stuck, CONVERGED)
        code.masked_fill_(accepted & ~move.finite, DIVERGED)
        code.masked_fill_(was_fresh & ~move.finite, NONFINITE)

    def _remember_best(self, accepted: Tensor, finite: Tensor, move: Move) -> None:
        """Copies the best iterate only when a slot leaves it for a worse one, which seldom happens."""
        state = self.state
        better = finite & (move.f < state.f_best)
        leaving = accepted & ~better & (state.f == state.f_best)
        if leaving.any():
            state.x_best[leaving] = state.x[leaving]
        state.f_best = torch.where(better, move.f, state.f_best)

    def _turn(self, at: Iterate, every: bool) -> None:
        """Computes directions for the slots `at.here`; steepest descent replaces a direction that does not descend."""
        d = self.direction(self.past, at)
        if (cost := self.direction.cost(self.past)) is not None:
            self.state.evaluations = self.state.evaluations + cost
            self.beside = int(cost.sum())
        if self.box is not None:
            d = self.box.projected_direction(at.x, d)
        slope = (d * at.g).sum(1)
        if self.step.safeguarded:
            wrong = at.here & ~(slope < 0)
            if wrong.any():
                self.direction.clear(self.past, wrong)
                down, down_slope = self._steepest()
                d, slope = torch.where(wrong.unsqueeze(1), down, d), torch.where(wrong, down_slope, slope)
        self._aim(at.here, d, slope, every)

    def _steepest(self) -> tuple[Tensor, Tensor]:
        """Steepest descent without the entries that would leave the box at once, and its slope."""
        g = self.state.g
        d = self.direction.restricted(self.past, -g)
        d = d if self.box is None else self.box.projected_direction(self.state.x, d)
        return d, (d * g).sum(1)

    def _aim(self, slots: Tensor, d: Tensor, slope: Tensor, every: bool) -> None:
        state = self.state
        first = self.step.first(state.g, self.direction.has_past(self.past), state.iterations)
        if every:
            state.d, state.slope, state.t = d, slope, first
        else:
            state.d = torch.where(slots.unsqueeze(1), d, state.d)
            state.slope, state.t = torch.where(slots, slope, state.slope), torch.where(slots, first, state.t)
        self.step.clear(self.search, slots)

    def _retry(self, rejected: Tensor, verdict: LineSearchResult, code: Tensor) -> None:
        """Makes another trial for the slots whose trial was rejected.

        If the search along a direction is over, steepest descent follows. If that was steepest descent already, the
        victim has finished.
        """
        state = self.state
        state.t = torch.where(rejected, verdict.t, state.t)
        over = rejected & verdict.over if verdict.over is not None else torch.zeros_like(rejected)
        if over.any():
            again = over & self.direction.can_restart(self.past)
            code.masked_fill_(over & ~again, CONVERGED)  # not even steepest descent goes lower
            self.direction.clear(self.past, again)
            self._aim(again, *self._steepest(), every=False)
        code.masked_fill_(rejected & (code == GO_ON) & (state.evaluations >= self.stop.budget), BUDGET)
