"""GradInversion (Yin, Mallya, Vahdat, Alvarez, Kautz, Molchanov 2021, arXiv 2104.07586)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.chunks import claimed
from bench.attacks.gradient_matching import GradientMatching
from bench.attacks.group_matching import GroupLayout, GroupMatching
from bench.engine.box import BoxConstraint
from bench.engine.directions import Direction
from bench.engine.langevin import Langevin
from bench.engine.loop import Minimiser
from bench.engine.matching import Arrangement, Layout, Matching, Objective
from bench.engine.parametrisation import ImageMap, Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.priors.base import Prior
from bench.priors.batch_statistics import BatchStatistics
from bench.priors.group_consistency import GroupConsistency, consensus


class GradInversion(GradientMatching):
    """Matches the gradient of a batch with priors on images and on BatchNorm statistics, from several starts at once.

    min over x_1 .. x_G of the sum over g of sum_l ||g_l(x_g) - g*_l|| + priors(x_g) + alpha_bn R_bn(x_g) + alpha_group
    ||x_g - E||^2, where R_bn compares the statistics of what enters each BatchNorm layer with those that the threat
    model grants (`bench.priors.batch_statistics`), and E is the registered mean of the starts
    (`bench.priors.group_consistency`). Noise is added to each step (`bench.engine.langevin`).

    Statistics are never taken in silence: without a grant (`threat=batchnorm_running`, `batchnorm_exact`) the attack is
    refused, unless `attack.statistics=null` leaves the prior out.

    Departs: registration is by phase correlation; penalties are means over pixels in [0, 1]; E is held constant in the
    derivative. The paper's numbers are those that the configuration of breaching (Geiping et al.) reports, and were not
    read in the paper.

    Args:
        objective: see `Matcher`.
        priors: see `GradientMatching`.
        statistics: the prior on BatchNorm statistics; null to leave it out.
        group: the term that pulls the starts of a victim together.
        starts: G, starts per victim, all worked on at once, >= 1. Iterations and evaluations count each of them.
        labels: label inference.
        variables: see `GradientMatching`.
        start: see `GradientMatching`.
        direction: see `Matcher`.
        langevin: alpha_n, noise added to each step relative to its length, >= 0.
        step: see `Matcher`.
        stop: see `Matcher`.
        box: see `GradientMatching`.
        select: see `Matcher`.
        result: what is returned: `best`, the start with the lowest objective, or `consensus`, the registered mean.
        engine: see `Matcher`.

    Raises:
        ValueError: a word is none of those named, a number is out of its range, labels are null, or `box` is true and
            the variables are not pixels.
    """

    def __init__(
        self,
        objective: Objective,
        priors: Sequence[Prior],
        statistics: BatchStatistics | None,
        group: GroupConsistency,
        starts: int,
        labels: LabelRule,
        variables: Parametrisation,
        start: str,
        direction: Direction,
        langevin: float,
        step: StepRule,
        stop: Stop,
        box: bool,
        select: str,
        result: str,
        *,
        engine: EngineSettings,
    ) -> None:
        if labels is None:
            raise ValueError("labels=null: GradInversion infers labels beforehand, so name a rule (bench.labels)")
        if starts < 1 or langevin < 0:
            raise ValueError(f"starts={starts}, langevin={langevin}: must be >= 1 and >= 0")
        if box and not variables.are_pixels:
            raise ValueError(
                "box=true: several starts need pixels as variables "
                "(variables._target_=bench.engine.parametrisation.Pixels)"
            )
        if result not in ("best", "consensus"):
            raise ValueError(f"result={result!r}: want best or consensus")
        super().__init__(
            objective, [], priors, labels, variables, start, "zeros", direction, step, stop, box, select, 1,
            engine=engine,
        )  # fmt: skip
        self.statistics, self.group, self.starts = statistics, group, starts
        self.langevin, self.result = langevin, result

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, and the grant of BatchNorm statistics if they are used."""
        return super().needs | (frozenset() if self.statistics is None else {"batchnorm_statistics"})

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names what is missing, or the variables that starts cannot be compared by.
        """
        super().check(seen)
        self._refuse_weights()

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """Returns the initial variables `[n]` of all starts of a victim, one after the other.

        Args:
            seen: see `Matcher.start_of`.
            seed: see `Matcher.start_of`.
            victim: see `Matcher.start_of`.
            restart: not used, since there is one run per victim.
        """
        return torch.cat([super(GradInversion, self).start_of(seen, seed, victim, g) for g in range(self.starts)])

    def _layout(self, seen: Observation) -> GroupLayout:  # type: ignore[override]
        assert seen.batch_size is not None
        return GroupLayout(Layout(seen.batch_size, seen.task.input_shape, 0, self.variables), self.starts)

    def _box(self, seen: Observation, layout: Arrangement) -> BoxConstraint | None:
        return BoxConstraint(*seen.task.input_range, layout.n) if self.box and seen.task.input_range else None

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> GroupMatching:
        assert isinstance(layout, GroupLayout) and labels is not None
        dtype = self.engine.dtype
        return GroupMatching(seen, layout, self.objective, labels, dtype, self.priors, self.statistics, self.group)

    def _minimiser_for(self, matching: Matching, minimiser: Minimiser, seed: int) -> Minimiser:
        if not self.langevin:
            return minimiser
        assert isinstance(matching, GroupMatching)
        direction = Langevin(minimiser.direction, self.langevin, lambda: matching.ids, seed)
        return replace(minimiser, direction=direction)

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        assert isinstance(layout, GroupLayout) and labels is not None
        position = torch.tensor([one.victim for one in finished], device=seen.ids.device)
        matching = self._matching(seen, layout, labels)
        matching.load(position)
        z = torch.stack([one.x for one in finished])
        chosen, objective = self._chosen(matching, layout, z)
        moments = torch.stack([one.images for one in finished]).to(z.device)
        drawn = self._shown(layout.apart(moments.flatten(0, 1)), chosen.repeat_interleave(moments.shape[1]))
        drawn = drawn.unflatten(0, moments.shape[:2]).float()
        images = self._shown(layout.apart(z), chosen).float()
        claim = claimed(finished, seen, images, labels[position], {"images": drawn})
        trace = {**claim.trace, "curve": claim.trace["curve"] / self.starts}
        return replace(
            claim,
            objective=objective.double().cpu(),
            iterations=self.starts * claim.iterations,
            evaluations=self.starts * (claim.evaluations + 1),  # one more of each start, by which it is chosen
            trace=trace,
        )

    def _chosen(self, matching: GroupMatching, layout: GroupLayout, z: Tensor) -> tuple[Tensor, Tensor]:
        """The number of the best start `[V]`, and the objective `[V]` of what is returned."""
        values = matching.each(z).nan_to_num(nan=torch.inf)
        best, chosen = values.min(1)
        if self.result == "best":
            return chosen, best
        assert isinstance(self.variables, ImageMap)
        mean = self.variables.encode(consensus(layout.apart(z), self.group.most))
        alike = mean.flatten(1).repeat(1, self.starts)
        return chosen, matching.each(alike)[:, 0]

    def _shown(self, images: Tensor, chosen: Tensor) -> Tensor:
        """Of `[V, G, B, C, H, W]` what is returned, `[V, B, C, H, W]`."""
        if self.result == "consensus":
            return consensus(images, self.group.most).squeeze(1)
        return images[torch.arange(len(images), device=images.device), chosen]
