"""HF-GradInv (Ye, Luo, Zhou and Tang 2024, AAAI, doi:10.1609/aaai.v38i18.29975)"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bench.attacks.gradinversion import GradInversion
from bench.attacks.group_matching import GroupLayout, GroupMatching
from bench.attacks.phased_matching import PhasedMatching, Phases
from bench.engine.directions import Direction
from bench.engine.loop import Minimiser
from bench.engine.matching import Arrangement, Matching, Objective
from bench.engine.parametrisation import Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.priors.base import Prior
from bench.priors.batch_statistics import BatchStatistics
from bench.priors.group_consistency import GroupConsistency

_ALONE = GroupConsistency(0.0, 0)  # there is one start


class HFGradInv(GradInversion):
    """Matches the last layers first and more of them later; priors begin to act in the course of a run.

    min over x of 1 - cos(M g(x), M g*) + priors(x) + alpha_bn R_bn(x), by Adam over a gradient that is quantised
    (`bench.engine.quantised`). M keeps the tensors that are compared so far, and a share of their entries that is drawn
    anew for each evaluation; both and the beginning of the priors are in `bench.attacks.phased_matching`.

    The definition was read in the authors' code (https://github.com/MiLab-HITSZ/2023YeHFGradInv) and in their
    configuration `our_res34_pretrained`. That configuration has an L2 term from iteration 30,000, a group term and a
    Gaussian blur from iteration 50,000, and ends after 15,000: none of them ever acts, so they are left out.

    Departs: the objective differs from one evaluation to the next, so the last iterate is returned; the authors
    return the one with the lowest value since tensors were last added. Its objective is that of all tensors and all
    terms. The authors' labels come from a network that was trained on features; here a label rule infers them.

    Args:
        objective: see `Matcher`.
        phases: which tensors are compared, and when priors begin to act.
        priors: see `GradientMatching`.
        statistics: see `GradInversion`.
        labels: see `GradInversion`.
        variables: see `GradientMatching`.
        start: see `GradientMatching`.
        direction: see `Matcher`.
        step: see `Matcher`.
        stop: see `Matcher`.
        box: see `GradientMatching`.
        engine: see `Matcher`.

    Raises:
        ValueError: see `GradInversion`.
    """

    def __init__(
        self,
        objective: Objective,
        phases: Phases,
        priors: Sequence[Prior],
        statistics: BatchStatistics | None,
        labels: LabelRule,
        variables: Parametrisation,
        start: str,
        direction: Direction,
        step: StepRule,
        stop: Stop,
        box: bool,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(
            objective, priors, statistics, _ALONE, 1, labels, variables, start, direction, 0.0, step, stop, box,
            "last", "best", engine=engine,
        )  # fmt: skip
        self.phases = phases

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> GroupMatching:
        assert isinstance(layout, GroupLayout) and labels is not None
        terms = (self.objective, labels, self.engine.dtype, self.priors, self.statistics, self.group)
        return PhasedMatching(self.phases, seen, layout, *terms)

    def _minimiser_for(self, matching: Matching, minimiser: Minimiser, seed: int) -> Minimiser:
        assert isinstance(matching, PhasedMatching)
        matching.seed = seed
        return minimiser
