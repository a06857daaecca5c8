"""Several runs of one victim, each from a start of its own: to the loop they are more victims.

Run `r` is of victim `r // restarts`. Runs enter the slots in that order: where they take any slot, no more victims are
open at a time than there are slots, and one more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf, isnan

from torch import Tensor

from bench.engine.solver_state import Objective
from bench.engine.state import Finished


class Repeated:
    """An objective over victims as one over runs.

    Args:
        objective: over victims.
        restarts: runs a victim.
    """

    def __init__(self, objective: Objective, restarts: int) -> None:
        self._objective, self._restarts = objective, restarts
        self.compiled_slots: int | None = getattr(objective, "compiled_slots", None)

    def load(self, victims: Tensor) -> None:
        """Puts these runs into the slots."""
        self._objective.load(victims // self._restarts)

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        """Puts these runs into the slots numbered `slots`."""
        self._objective.replace(slots, victims // self._restarts)

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, n]` -> values `[S]` and gradients `[S, n]`."""
        return self._objective(z)


@dataclass
class Selection:
    """Holds the runs of each victim until all are there, and then gives the best by the attacker's own objective.

    A run that did not fail is better than one that did; between equals the earlier start is. What was spent
    (iterations, evaluations, seconds) is the sum over all runs; everything else is the chosen run's.

    Args:
        restarts: runs a victim.
    """

    restarts: int
    _open: dict[int, list[Finished]] = field(default_factory=dict)

    def add(self, runs: list[Finished]) -> list[Finished]:
        """Takes in finished runs; gives the victims that have no run open any more."""
        done = []
        for run in runs:
            victim = run.victim // self.restarts
            so_far = self._open.setdefault(victim, [])
            so_far.append(run)
            if len(so_far) == self.restarts:
                done.append(_best(victim, self._open.pop(victim)))
        return done


def _best(victim: int, runs: list[Finished]) -> Finished:
    chosen = min(runs, key=lambda run: (run.status.failed, inf if isnan(run.objective) else run.objective, run.victim))
    return replace(
        chosen,
        victim=victim,
        iterations=sum(run.iterations for run in runs),
        evaluations=sum(run.evaluations for run in runs),
        seconds=sum(run.seconds for run in sorted(runs, key=lambda run: run.victim)),
    )
