"""Inverting Gradients (Geiping et al. 2020, arXiv 2003.14053) on updates whose local steps are searched (ours)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import torch
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.defenses.base import Tree
from bench.defenses.local_training import update
from bench.engine.directions import Direction
from bench.engine.matching import Objective
from bench.engine.parametrisation import Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.errors import NotApplicable
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior


@dataclass(frozen=True)
class Schedule:
    """A schedule that a client may have followed: `steps` steps of plain SGD on its whole batch, at the rate `lr`."""

    steps: int
    lr: float

    def update(self, gradient: Callable[..., Tree]) -> Callable[..., Tree]:
        """The weights before minus the weights after, as a function of what `gradient` is a function of.

        Args:
            gradient: see `Task.gradient`; it may give fewer parameters than there are, and the others stay.
        """

        def updated(parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
            batches = repeat((inputs, targets), self.steps)
            return update(lambda _, here, *batch: gradient(here, buffers, *batch), parameters, self.lr, batches)

        return updated


class ScheduleSearch(GradientMatching):
    """Inverts the update of several local steps, whose number and rate are not granted, by trying schedules.

    For each schedule of a grid (numbers of steps times rates), a short run matches the shared update by the update
    that dummy images give under the schedule. The schedule with the lowest objective is kept, for each victim on its
    own, and a whole run follows under it. Only the direction of an update is compared if the attack's distance is an
    angle. Then two schedules whose products of rate and steps are small are told apart by nothing, and need not be:
    the direction is that of one gradient under both.

    The attack supposes that each step takes the whole batch. If a gradient is shared and not an update, nothing is
    searched. Iterations, evaluations and seconds of a victim include the short runs. An evaluation of k steps costs k
    gradients.

    Args:
        objective: see `GradientMatching`.
        views: see `GradientMatching`.
        priors: see `GradientMatching`.
        labels: see `GradientMatching`.
        variables: see `GradientMatching`.
        start: see `GradientMatching`.
        start_labels: see `GradientMatching`.
        direction: see `GradientMatching`.
        step: see `GradientMatching`.
        stop: see `GradientMatching`; of the whole run.
        box: see `GradientMatching`.
        select: see `GradientMatching`.
        restarts: see `GradientMatching`.
        steps: numbers of local steps to try, each >= 1.
        lrs: rates to try, each > 0.
        search: when a short run ends.
        engine: see `GradientMatching`.

    Raises:
        ValueError: see `GradientMatching`; or `steps` or `lrs` is empty or has a value that is out of its range.
    """

    def __init__(
        self,
        objective: Objective,
        views: Sequence[GradientTransform],
        priors: Sequence[Prior],
        labels: LabelRule | None,
        variables: Parametrisation,
        start: str,
        start_labels: str,
        direction: Direction,
        step: StepRule,
        stop: Stop,
        box: bool,
        select: str,
        restarts: int,
        steps: list[int],
        lrs: list[float],
        search: Stop,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(
            objective, views, priors, labels, variables, start, start_labels, direction, step, stop, box, select,
            restarts, engine=engine,
        )  # fmt: skip
        if not steps or min(steps) < 1:
            raise ValueError(f"steps={steps}: want one number of local steps at least, each >= 1")
        if not lrs or not min(lrs) > 0:
            raise ValueError(f"lrs={lrs}: want one rate at least, each > 0")
        self.schedules = [Schedule(count, lr) for count in dict.fromkeys(steps) for lr in dict.fromkeys(lrs)]

        def attack(stop: Stop, settings: EngineSettings) -> GradientMatching:
            return GradientMatching(
                objective, views, priors, labels, variables, start, start_labels, direction, step, stop, box, select,
                restarts, engine=settings,
            )  # fmt: skip

        self._search, self._attack = search, attack

    def check(self, seen: Observation) -> None:
        """Refuses what `GradientMatching` refuses, and an attacker that computes the local steps itself.

        Raises:
            NotApplicable: the observation cannot be served, or the local training is granted.
        """
        super().check(seen)
        if seen.task.unit not in (None, 1.0):
            raise NotApplicable(
                "attack ScheduleSearch looks for the local steps and their rate, and the threat model grants them: "
                "use threat=basic, or attack=inverting_gradients, which then follows the steps"
            )

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields each victim's reconstruction under the schedule that its short runs prefer.

        Args:
            seen: see `Attack.reconstruct`.
            seed: see `Attack.reconstruct`.
        """
        self.check(seen)
        if seen.task.unit is not None:
            yield from super().reconstruct(seen, seed)
            return
        tried = [self._tried(seen, schedule, seed) for schedule in self.schedules]
        values = torch.stack([self._by_position(seen, claims, "objective") for claims in tried])
        best = values.nan_to_num(nan=torch.inf).argmin(0)  # of equal ones the first
        spent = {
            name: torch.stack([self._by_position(seen, claims, name) for claims in tried]).sum(0)
            for name in ("iterations", "evaluations", "seconds")
        }
        self._say(best)
        for number, schedule in enumerate(self.schedules):
            left = torch.nonzero(best == number).flatten().to(seen.ids.device)
            if len(left):
                whole = self._attack(self.minimiser.stop, replace(self.engine, tuned={}))
                for claim in whole.reconstruct(_under(schedule, seen.take(left)), seed):
                    yield _with_costs(claim, seen, spent)

    def _tried(self, seen: Observation, schedule: Schedule, seed: int) -> list[Reconstruction]:
        """The claims of short runs under a schedule; they are too short to be worth compiling."""
        quick = self._attack(self._search, replace(self.engine, tuned={}, compile=False))
        return list(quick.reconstruct(_under(schedule, seen), seed))

    @staticmethod
    def _by_position(seen: Observation, claims: Sequence[Reconstruction], name: str) -> Tensor:
        """`[V]`, one number of each victim's claim, in the order of the observation."""
        found = torch.cat([getattr(claim, name) for claim in claims])
        return found[torch.cat([_places(claim, seen) for claim in claims]).argsort()]

    def _say(self, best: Tensor) -> None:
        counts = Counter(self.schedules[number] for number in best.tolist())
        words = ", ".join(f"{one.steps} steps at {one.lr:g} for {count}" for one, count in counts.most_common())
        self.engine.notice(f"schedule search over {len(self.schedules)}, victims by schedule: {words}")


def _under(schedule: Schedule, seen: Observation) -> Observation:
    """The observation, with a task whose gradient is the update of a schedule."""
    unit = schedule.lr * schedule.steps
    return replace(seen, task=replace(seen.task, gradient=schedule.update(seen.task.gradient), unit=unit))


def _places(claim: Reconstruction, seen: Observation) -> Tensor:
    """`[V]`, the positions in an observation of the victims of a claim."""
    place = {number: at for at, number in enumerate(seen.ids.tolist())}
    return torch.tensor([place[number] for number in claim.ids.tolist()])


def _with_costs(claim: Reconstruction, seen: Observation, spent: dict[str, Tensor]) -> Reconstruction:
    """The claim, with the costs `[V]` of the short runs added to its own."""
    rows = _places(claim, seen)
    return replace(claim, **{name: getattr(claim, name) + more[rows] for name, more in spent.items()})
