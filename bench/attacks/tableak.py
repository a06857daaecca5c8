"""TabLeak: rows of a table by gradient matching (Vero, Balunovic, Dimitrov, Vechev 2023, ICML, arXiv 2210.01785)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.engine.categories import SoftCategories
from bench.engine.directions import Direction
from bench.engine.matching import Arrangement, Layout, Matching, Objective
from bench.engine.parametrisation import Parametrisation, Pixels
from bench.engine.pooling import pool
from bench.engine.restarts import Selection, best, ranked
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.objectives.gradient_transforms import GradientTransform


class TabLeak(GradientMatching):
    """Matches the gradient of rows whose categories are shares, in several runs whose results are pooled.

    1. Categories are optimised as shares under a softmax (`bench.engine.categories`), and values as they are.
    2. Several runs start from different rows. The rows of each are matched to those of the best one, by the attacker's
       objective, and each number of a row is the median over the runs (`bench.engine.pooling`). The category of a
       column is the one with the largest median share.
    3. The entropy of the votes for a category and the spread of a value say how certain the attacker is, without the
       truth. They are `uncertainty` in the trace, `[V, B, columns]`.

    Departs: the paper keeps values between the bounds of their column by a sigmoid, which needs bounds; values are free
    here. The paper pools all runs, even where the best one is far better than the others. So that a batch that one run
    has found is not lost, the pooled rows are returned only if their objective is not above that of the best run
    (`pooled: better`); `always` does what the paper does, and `never` leaves the ensemble out. Labels are granted in
    the paper; here they are, or a rule infers them. What the paper calls temperature is 1.

    Args:
        objective: see `GradientMatching`.
        views: see `GradientMatching`.
        labels: see `GradientMatching`.
        start: of values and logits alike; see `GradientMatching`.
        start_labels: see `GradientMatching`.
        direction: see `GradientMatching`.
        step: see `GradientMatching`.
        stop: see `GradientMatching`.
        select: see `GradientMatching`.
        restarts: runs per victim, which vote together.
        pooled: `always`, `better` or `never`: when the pooled rows are returned instead of the best run's.
        engine: see `GradientMatching`.

    Raises:
        ValueError: see `GradientMatching`; or `pooled` is none of these words.
    """

    def __init__(
        self,
        objective: Objective,
        views: Sequence[GradientTransform],
        labels: LabelRule | None,
        start: str,
        start_labels: str,
        direction: Direction,
        step: StepRule,
        stop: Stop,
        select: str,
        restarts: int,
        pooled: str,
        *,
        engine: EngineSettings,
    ) -> None:
        if pooled not in ("always", "better", "never"):
            raise ValueError(f"pooled={pooled!r}: want always, better or never")
        super().__init__(
            objective=objective,
            views=views,
            priors=(),
            labels=labels,
            variables=Pixels(),
            start=start,
            start_labels=start_labels,
            direction=direction,
            step=step,
            stop=stop,
            box=False,
            select=select,
            restarts=restarts,
            engine=engine,
        )
        self.pooled = pooled

    of_vectors = True

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, and the columns of the table."""
        return super().needs | {"columns"}

    def _variables(self, seen: Observation) -> Parametrisation:
        assert seen.task.columns is not None
        return SoftCategories(seen.task.columns)

    def _selection(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Selection:
        assert isinstance(layout, Layout)
        if self.pooled == "never" or self.restarts == 1:
            return super()._selection(seen, layout, labels)
        judge = self._matching(seen, layout, labels)
        return Ensemble(self.restarts, layout=layout, judge=judge, always=self.pooled == "always")

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        claim = super()._claim(finished, layout, seen, labels)
        columns = seen.task.columns
        assert columns is not None
        known = [one.uncertainty for one in finished if isinstance(one, PooledRun)]
        more = {"uncertainty": torch.stack(known)} if len(known) == len(finished) else {}
        return replace(claim, inputs=columns.hard(claim.inputs), trace={**claim.trace, **more})


@dataclass
class PooledRun(Finished):
    """The result of one victim, made of several runs.

    Args:
        uncertainty: `[B, columns]`, see `bench.engine.pooling.Pooled`.
    """

    uncertainty: Tensor


@dataclass
class Ensemble(Selection):
    """Collects the runs of each victim, and pools them once all are there.

    Args:
        restarts: see `Selection`.
        layout: of a victim's variables.
        judge: the objective, which slots of the loop do not use.
        always: whether the pooled rows are returned even if their objective is above that of the best run.
    """

    layout: Layout = field(kw_only=True)
    judge: Matching = field(kw_only=True)
    always: bool = field(kw_only=True)

    def chosen(self, victim: int, runs: list[Finished]) -> Finished:
        """The pooled rows with their objective, or the best run; see `Selection.chosen`."""
        top = best(victim, runs)
        usable = [run for run in ranked(runs) if not run.status.failed and bool(run.x.isfinite().all())]
        variables = self.layout.variables
        if not usable or not isinstance(variables, SoftCategories):
            return top
        stacked = torch.stack([run.x for run in usable])
        rows, _ = self.layout.split(stacked)
        found = pool(rows, variables.columns)
        own = {one.name: getattr(top, one.name) for one in fields(Finished)}
        inputs = variables.encode(found.rows).flatten()
        x = torch.cat([inputs, stacked[0, self.layout.inputs :]])  # label logits are those of the best run
        self.judge.load(torch.tensor([victim], device=x.device))
        objective = float(self.judge.value(x.unsqueeze(0)))
        if self.always or objective <= top.objective:
            own |= {"x": x, "objective": objective}
        return PooledRun(**own, uncertainty=found.uncertainty)
