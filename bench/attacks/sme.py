"""Surrogate model extension (SME: Zhu, Yao, Blaschko, ICML 2023, arXiv 2306.00127): FedAvg without its schedule."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.engine.directions import Direction
from bench.engine.matching import Arrangement, Layout, Matching, Objective
from bench.engine.parametrisation import Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.engine.surrogate import SurrogateLayout, SurrogateMatching, SurrogatePosition
from bench.errors import NotApplicable
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior


class SurrogateModel(GradientMatching):
    """Inverts the update of several local steps by the gradient of one model between the weights before and after.

    min over x and alpha of 1 - <w0 - w1, g(x; w(alpha))> / (||w0 - w1|| ||g(x; w(alpha))||) + weight TV(x), where
    w(alpha) = (1 - alpha) w0 + alpha w1, g is the gradient of the whole batch, and alpha in (0, 1) starts at 1/2. What
    a client of FedAvg shares is w0 - w1, and w0 is public, so w1 is known. The learning rate and the number of local
    steps need not be: the attack needs no more than `threat=basic` grants. One evaluation costs one gradient, however
    many steps the client took.

    If a gradient is shared and not an update, there is no second model. Then alpha is 0, and this is Inverting
    Gradients. What several clients sum up is taken for the update of one.

    Departs: alpha is a logistic function of its variable (`bench.engine.surrogate`), whereas the published code clips
    alpha to [0, 1]. The rate of alpha follows the same schedule as that of the images, as published. The published code
    is given the labels.

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
        stop: see `GradientMatching`.
        box: see `GradientMatching`.
        select: see `GradientMatching`.
        restarts: see `GradientMatching`.
        alpha: start of alpha, in (0, 1); 0 and 1 only if `alpha_lr` is 0.
        alpha_lr: learning rate of alpha near 1/2, >= 0; 0 fixes it.
        engine: see `GradientMatching`.

    Raises:
        ValueError: see `GradientMatching`; or alpha or alpha_lr is out of its range.
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
        alpha: float,
        alpha_lr: float,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(
            objective, views, priors, labels, variables, start, start_labels, direction, step, stop, box, select,
            restarts, engine=engine,
        )  # fmt: skip
        if alpha_lr < 0:
            raise ValueError(f"alpha_lr={alpha_lr}: must be >= 0 (0 fixes alpha)")
        self.position = SurrogatePosition(alpha, alpha_lr / step.lr)

    def check(self, seen: Observation) -> None:
        """Refuses what `GradientMatching` refuses, and an attacker that computes the local steps itself.

        Raises:
            NotApplicable: the observation cannot be served, or the local training is granted.
        """
        super().check(seen)
        if seen.task.unit not in (None, 1.0):
            raise NotApplicable(
                "attack SurrogateModel replaces local steps by one model, and the threat model grants the steps "
                "themselves: use threat=basic, or attack=inverting_gradients_adam, which then follows the steps"
            )

    def _layout(self, seen: Observation) -> Layout:
        plain = super()._layout(seen)
        if seen.task.unit is not None:
            return plain
        return plain.extended(SurrogateLayout)

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """Returns the initial variables `[n]` of one run: those of the images, label logits, and that of alpha.

        Args:
            seen: see `GradientMatching.start_of`.
            seed: see `GradientMatching.start_of`.
            victim: see `GradientMatching.start_of`.
            restart: see `GradientMatching.start_of`.
        """
        start = super().start_of(seen, seed, victim, restart)
        return start if seen.task.unit is not None else torch.cat([start, start.new_zeros(1)])

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        if not isinstance(layout, SurrogateLayout):
            return super()._matching(seen, layout, labels)
        return SurrogateMatching(seen, layout, self.objective, labels, self.engine.dtype, self.priors, self.position)
