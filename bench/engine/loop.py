"""The optimisation loop over dummy inputs: one flat, masked loop for all victims.

Every evaluation serves every slot, whether its victim stands at a new iterate or inside its own line search. A finished
victim is returned at once, and its slot takes the next victim that waits for it (`bench.engine.seats`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.box import Box
from bench.engine.directions import Direction
from bench.engine.seats import Waiting
from bench.engine.size import bytes_of, empty
from bench.engine.slotted_objective import SlottedObjective
from bench.engine.solver_state import CURVE, DIVERGED, NONFINITE, SolverState
from bench.engine.state import Finished, Progress, State
from bench.engine.steps import StepRule
from bench.engine.stops import BUDGET, CONVERGED, Stop
from bench.engine.trace import PICTURES, TraceBuffer, TraceConfig
from bench.host import signals
from bench.messages.status import Status

_FAR = 10.0  # a run has diverged if its last objective exceeds this many times the best one seen
_STATUS = {
    CONVERGED: Status.CONVERGED,
    BUDGET: Status.BUDGET,
    DIVERGED: Status.DIVERGED,
    NONFINITE: Status.NONFINITE,
}


@dataclass
class Minimiser:
    """A minimiser: a direction, a step rule and a stopping rule.

    A run counts as diverged if the attacker can tell so, in one of three cases. The objective or the iterate is not
    finite. Or the returned objective is above its value at the start, or above ten times the best value seen (and above
    rounding: the epsilon of the type times the value at the start); values of an objective that changes in the course
    of a run (`SlottedObjective.changes`) are not compared. Or the iterate is far outside the known range of inputs
    (`strays`).

    Args:
        direction: see `bench.engine.directions`.
        step: see `bench.engine.steps`.
        stop: see `bench.engine.stops`.
        select: which iterate is returned: `best` by the attacker's own objective, or `last` (the best finite one if the
            run diverged).
        keeping: which iterates are kept for the trace.

    Raises:
        ValueError: `select` is neither `best` nor `last`.
    """

    direction: Direction
    step: StepRule
    stop: Stop
    select: str
    keeping: TraceConfig = PICTURES

    def __post_init__(self) -> None:
        if self.select not in ("best", "last"):
            raise ValueError(f"select={self.select!r}: want best or last")

    def run(
        self,
        matching: SlottedObjective,
        start: Callable[[Tensor], Tensor],
        total: int,
        slots: int,
        watch: Callable[[Progress], None] | None,
        box: Box | None = None,
        between: Callable[[SolverState], None] | None = None,
        seats: Sequence[int] | None = None,
        strays: Callable[[Tensor], bool] | None = None,
    ) -> Iterator[list[Finished]]:
        """Yields victims as they finish.

        Args:
            matching: the objective.
            start: `victims [k] -> [k, n]`, their initial variables.
            total: V, at least 1.
            slots: how many victims are worked on at once.
            watch: called after each evaluation; None for no call.
            box: every step (but not the start) is projected onto it; None for no bounds.
            between: called between evaluations with the state of the solver. A search of its own may move iterates
                there (`SolverState.jump`).
            seats: the slot of each victim. There are then `slots` slots from beginning to end; slots for which no
                victim waits are computed too, and their results dropped. If None, a victim takes any slot: there are no
                more slots than victims, and slots are closed as victims run out.
            strays: whether a finite iterate `[n]` lies so far out that no input can be there; None if that is not
                known.

        Raises:
            Interrupted: the process was asked to stop; the victims at work are abandoned.
        """
        work = SolverState(self.direction, self.step, self.stop, box, matching, self.keeping)
        waiting = Waiting(total, slots, seats)
        first = [waiting.next(slot) for slot in range(slots if seats is not None else min(slots, total))]
        work.begin(first, start, keeps_size=seats is not None)
        done, active = 0, sum(victim is not None for victim in first)
        changes = getattr(matching, "changes", False)
        while done < total:
            signals.check()
            ended = torch.nonzero((code := work.advance()).masked_fill(work.parked, 0)).flatten()
            finished = [self._finish(work, int(slot), int(code[slot]), strays, changes) for slot in ended]
            done += len(finished)
            served = active
            if finished:
                active -= self._hand_on(work, ended.tolist(), waiting, start)
            if watch is not None:
                watch(Progress(done, total, served, work.median(), self.stop.budget, work.beside))
            if between is not None and done < total:
                between(work)
            if finished:
                yield finished

    def bytes_a_slot(self, n: int, dtype: torch.dtype) -> int:
        """Bytes that one slot takes for its iterates, its history and its trace, with `n` variables of type `dtype`."""
        like = empty(n, dtype)
        states = [
            State.start(torch.empty(1, dtype=torch.long, device=like.device), like),
            self.direction.start(like),
            self.step.start(like),
            self.stop.start(1, like.device),
            TraceBuffer.start(1, self.keeping.room, self.keeping.stride, like),
        ]
        return sum(bytes_of(state) for state in states)

    def _hand_on(self, work: SolverState, ended: list[int], waiting: Waiting, start: Callable[[Tensor], Tensor]) -> int:
        """Fills the slots of finished victims, closes those that no victim waits for, and counts the closed ones."""
        following = {slot: waiting.next(slot) for slot in ended}
        refill = {slot: victim for slot, victim in following.items() if victim is not None}
        if refill:
            victims = torch.tensor(list(refill.values()))
            work.replace(work.numbers(list(refill)), work.numbers(victims), start(victims))
        close = [slot for slot, victim in following.items() if victim is None]
        if close:
            work.park(work.numbers(close))
        return len(close)

    def _finish(
        self, work: SolverState, slot: int, code: int, strays: Callable[[Tensor], bool] | None, changes: bool
    ) -> Finished:
        state, status = work.state, _STATUS[code]
        x, f = self._returned(state, slot, status)
        went_up = not changes and self._went_up(state, slot)
        if not status.failed and (went_up or (strays is not None and strays(x))):
            status = Status.DIVERGED
            x, f = self._returned(state, slot, status)
        at, images = work.images.pick(slot, self.keeping.moments)
        curve_at, curve = work.curve.pick(slot, CURVE)
        return Finished(
            victim=int(state.victim[slot]),
            x=x.clone(),
            objective=float(f),
            iterations=int(state.iterations[slot]),
            evaluations=int(state.evaluations[slot]),
            seconds=float(state.seconds[slot]),
            status=status,
            at=at,
            images=images,
            curve_at=curve_at,
            curve=torch.where(curve_at >= 0, curve.squeeze(1), torch.nan),
        )

    def _returned(self, state: State, slot: int, status: Status) -> tuple[Tensor, Tensor]:
        """Returns the iterate `[n]` that is reported, and its objective."""
        take_best = self.select == "best" or status is Status.DIVERGED
        # The best iterate is copied only once the solver has left it (see `SolverState._remember_best`).
        elsewhere = take_best and not bool(state.f[slot] == state.f_best[slot])
        return (state.x_best[slot], state.f_best[slot]) if elsewhere else (state.x[slot], state.f[slot])

    def _went_up(self, state: State, slot: int) -> bool:
        """Whether the last objective shows that the run diverged; the best objective is never above its start."""
        if self.select == "best":
            return False
        first, last, best = (float(f[slot]) for f in (state.f_first, state.f, state.f_best))
        rounding = torch.finfo(state.f.dtype).eps * abs(first)
        return last > first or last > max(_FAR * best, rounding)
