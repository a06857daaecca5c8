"""The optimisation loop over dummy inputs: one flat, masked loop for all victims.

Every evaluation serves every slot, whether its victim stands at a new iterate or inside its own line search. A finished
victim is handed on at once and its slot takes the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench import interrupt
from bench.engine.box import Box
from bench.engine.directions import Direction
from bench.engine.state import Finished, Progress
from bench.engine.steps import Step
from bench.engine.stops import BUDGET, CONVERGED, Stop
from bench.engine.trace import PICTURES, Keeping
from bench.engine.work import CURVE, DIVERGED, NONFINITE, Objective, Work
from bench.messages import Status

_STATUS = {
    CONVERGED: Status.CONVERGED,
    BUDGET: Status.BUDGET,
    DIVERGED: Status.DIVERGED,
    NONFINITE: Status.NONFINITE,
}


@dataclass
class Minimiser:
    """Direction x step rule x stop.

    `select` says which iterate is returned: `best` by the attacker's own objective, or the `last` (the best finite one
    where the run diverged), `keeping` which iterates are shown on the way.
    """

    direction: Direction
    step: Step
    stop: Stop
    select: str
    keeping: Keeping = PICTURES

    def __post_init__(self) -> None:
        if self.select not in ("best", "last"):
            raise ValueError(f"select={self.select!r}: want best or last")

    def run(
        self,
        matching: Objective,
        start: Callable[[Tensor], Tensor],
        total: int,
        slots: int,
        watch: Callable[[Progress], None] | None,
        box: Box | None = None,
        between: Callable[[Work], None] | None = None,
    ) -> Iterator[list[Finished]]:
        """Yields victims as they finish.

        Args:
            matching: the objective.
            start: `victims [k] -> [k, n]`, their initial variables.
            total: V; slots: how many are worked on at once.
            watch: called after each evaluation.
            box: every step (not the start) is projected onto it; None for no bounds.
            between: called between evaluations with the work in hand: a search of its own may move iterates
                (`Work.jump`).

        Raises:
            Interrupted: the process was asked to leave; the victims at work are given up.
        """
        work = Work(self.direction, self.step, self.stop, box, matching, self.keeping)
        queue = iter(range(total))
        first = torch.tensor([next(queue) for _ in range(min(slots, total))])
        x = start(first)
        work.begin(first.to(x.device), x)
        done = 0
        while len(work.state):
            interrupt.check()
            active = min(slots, total - done)
            ended = torch.nonzero((code := work.advance()).masked_fill(work.parked, 0)).flatten()
            finished = [self._finish(work, int(slot), int(code[slot])) for slot in ended]
            done += len(finished)
            if finished:
                self._hand_on(work, ended, queue, start)
            if watch is not None:
                objective = float(work.state.f.nanmedian()) if len(work.state) else float("nan")
                watch(Progress(done, total, active, objective))
            if between is not None and len(work.state):
                between(work)
            if finished:
                yield finished

    def _hand_on(self, work: Work, ended: Tensor, queue: Iterator[int], start: Callable[[Tensor], Tensor]) -> None:
        """Fills the slots of finished victims; where no victim waits they go, and the rest is a smaller chunk."""
        waiting = [victim for _, victim in zip(range(len(ended)), queue)]
        refill, close = ended[: len(waiting)], ended[len(waiting) :]
        if len(refill):
            victims = torch.tensor(waiting)
            work.replace(refill, victims.to(refill.device), start(victims))
        if len(close):
            work.park(close)

    def _finish(self, work: Work, slot: int, code: int) -> Finished:
        state = work.state
        status = _STATUS[code]
        last_is_worse = bool(state.f[slot] > state.f_first[slot])
        if self.select == "last" and status in (Status.CONVERGED, Status.BUDGET) and last_is_worse:
            status = Status.DIVERGED
        take_best = self.select == "best" or status is Status.DIVERGED
        # while the iterate is the best one it is not copied
        elsewhere = take_best and not bool(state.f[slot] == state.f_best[slot])
        x, f = (state.x_best, state.f_best) if elsewhere else (state.x, state.f)
        at, images = work.images.pick(slot, self.keeping.moments)
        curve_at, curve = work.curve.pick(slot, CURVE)
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
