"""Several runs per victim, each from its own start. The optimisation loop treats runs as victims.

Run `r` belongs to victim `r // restarts`, and runs enter the slots in order of their number. If a run may take any
slot, the number of victims that have begun but not finished is therefore at most the number of slots plus one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf, isnan

from torch import Tensor

from bench.engine.slotted_objective import SlottedObjective
from bench.engine.state import Finished


class Repeated:
    """An objective over runs, made from an objective over victims.

    Args:
        objective: the objective over victims.
        restarts: runs per victim.
    """

    def __init__(self, objective: SlottedObjective, restarts: int) -> None:
        self._objective, self._restarts = objective, restarts
        self.compiled_slots: int | None = getattr(objective, "compiled_slots", None)
        self.changes: bool = getattr(objective, "changes", False)

    def load(self, victims: Tensor) -> None:
        """Puts the runs numbered `victims` `[S]` into the slots."""
        self._objective.load(victims // self._restarts)

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        """Puts the runs numbered `victims` `[k]` into the slots numbered `slots` `[k]`."""
        self._objective.replace(slots, victims // self._restarts)

    def prepare(self, evaluations: Tensor) -> None:
        """See `Matching.prepare`."""
        if (prepare := getattr(self._objective, "prepare", None)) is not None:
            prepare(evaluations)

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, n]` -> values `[S]` and gradients `[S, n]`."""
        return self._objective(z)


@dataclass
class Selection:
    """Collects the runs of each victim, and selects the best one by the attacker's objective once all are there.

    A run that did not fail is better than one that did. Between equal runs the one with the earlier start is taken.
    Iterations, evaluations and seconds are sums over all runs of the victim; everything else is that of the selected
    run.

    Args:
        restarts: runs per victim.
    """

    restarts: int
    _open: dict[int, list[Finished]] = field(default_factory=dict)

    def add(self, runs: list[Finished]) -> list[Finished]:
        """Adds finished runs, and returns the victims whose runs have all finished."""
        done = []
        for run in runs:
            victim = run.victim // self.restarts
            so_far = self._open.setdefault(victim, [])
            so_far.append(run)
            if len(so_far) == self.restarts:
                done.append(self.chosen(victim, self._open.pop(victim)))
        return done

    def chosen(self, victim: int, runs: list[Finished]) -> Finished:
        """The result of a victim, made of all its runs: the best run, with the cost of all of them."""
        return best(victim, runs)


def ranked(runs: list[Finished]) -> list[Finished]:
    """The runs of one victim, the best first: those that did not fail, by their objective, by their start."""
    return sorted(runs, key=lambda run: (run.status.failed, inf if isnan(run.objective) else run.objective, run.victim))


def best(victim: int, runs: list[Finished]) -> Finished:
    """The best run of a victim, with the cost of all of them."""
    chosen = ranked(runs)[0]
    return replace(
        chosen,
        victim=victim,
        iterations=sum(run.iterations for run in runs),
        evaluations=sum(run.evaluations for run in runs),
        seconds=sum(run.seconds for run in sorted(runs, key=lambda run: run.victim)),
    )
