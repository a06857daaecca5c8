"""Inverting Gradients (Geiping et al. 2020, arXiv 2003.14053) on deep features that are known exactly (ours)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

import torch
from torch import Tensor

from bench.attacks.exact.deep_features import DeepFeatures, deepest_features
from bench.attacks.gradient_matching import GradientMatching
from bench.engine.directions import Direction
from bench.engine.matching import Arrangement, Matching, Objective
from bench.engine.parametrisation import Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.structure import ChainLayer
from bench.models.chain_start import run_start
from bench.objectives.feature_distance import FEATURES
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior


class FeatureMatching(GradientMatching):
    """Finds what a layer read by linear equations, and then an image of which it reads the same.

    min over x' of s d(h(x'), h*) + priors, where h* is the input of the first layer that the recursion of
    `bench.attacks.exact.deep_features` reaches, and h are the layers before it. Features are smoother in the image than
    gradients, and an evaluation takes no second derivative.

    It extends Inverting Gradients (Geiping et al. 2020, arXiv 2003.14053), and the recursion is that of R-GAP (Zhu and
    Blaschko 2021, arXiv 2010.07733), led through max-poolings.

    The features serve if they have as many entries as the image at least. Otherwise the victim is attacked by gradient
    matching, with the same priors and the same minimiser: in batches of more than one, after local steps, if a defence
    changed the gradient, and in models that are no chain of convolutions with ReLU. Both are counted in evaluations of
    the objective, and the time of the recursion is part of the victim's seconds.

    Args:
        features: distance between features, `({features}, {features}) -> [S]`.
        starts: from how many starts the routing of a max-pooling is searched, >= 1.
        objective: see `GradientMatching`; for victims whose features are not known.
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
        engine: see `GradientMatching`.

    Raises:
        ValueError: starts < 1, or see `GradientMatching`.
    """

    def __init__(
        self,
        features: Objective,
        starts: int,
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
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(
            objective, views, priors, labels, variables, start, start_labels, direction, step, stop, box, select,
            restarts, engine=engine,
        )  # fmt: skip
        if starts < 1:
            raise ValueError(f"starts={starts}: must be >= 1 (starts of the search for a pooling's routing)")
        self.features, self.starts = features, starts

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields the victims whose features are known first, and then the others.

        Args:
            seen: see `Attack.reconstruct`.
            seed: see `Attack.reconstruct`.
        """
        self.check(seen)
        seen = self._completed(seen)
        labels = self._fixed_labels(seen, seed)
        found, seconds = self._found(seen, seed) if labels is not None else ({}, {})
        for layers in sorted({one.layers for one in found.values()}):
            these = torch.tensor([i for i, one in found.items() if one.layers == layers], device=seen.ids.device)
            values = torch.stack([found[i].value for i in these.tolist()])
            assert labels is not None
            known = _of_features(seen.take(these), layers, values, labels[these])
            for claim in super().reconstruct(known, seed):
                own = torch.tensor([seconds[number] for number in claim.ids.tolist()], dtype=torch.float64)
                yield replace(claim, seconds=claim.seconds + own)
        others = torch.tensor([i for i in range(len(seen)) if i not in found], dtype=torch.long)
        if len(others):
            yield from super().reconstruct(seen.take(others.to(seen.ids.device)), seed)

    def _found(self, seen: Observation, seed: int) -> tuple[dict[int, DeepFeatures], dict[int, float]]:
        """The features of the victims, by position, and the seconds that they took, by number of the victim."""
        found, seconds = {}, {}
        if seen.batch_size != 1 or seen.task.unit != 1.0:
            return {}, {}
        for position in range(len(seen)):
            begin = time.perf_counter()
            one = deepest_features(seen, position, seed, self.starts)
            if one is not None and one.value.numel() >= prod(seen.task.input_shape):
                found[position] = one
            seconds[int(seen.ids[position])] = time.perf_counter() - begin
        return found, seconds

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        objective = self.features if FEATURES in seen.gradients else self.objective
        return Matching(seen, layout, objective, labels, self.engine.dtype, self.priors)


def _of_features(seen: Observation, layers: int, values: Tensor, labels: Tensor) -> Observation:
    """The observation with features `[V, C, H, W]` in place of gradients, and a task that computes features."""
    chain = seen.task.chain
    assert chain is not None
    start: tuple[ChainLayer, ...] = chain[:layers]

    def features(
        parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor, targets: Tensor
    ) -> dict[str, Tensor]:
        return {FEATURES: run_start(start, parameters, buffers, inputs)}

    shared = values.unsqueeze(1).to(next(iter(seen.gradients.values())).dtype)
    return replace(
        seen, gradients={FEATURES: shared}, labels=labels, task=replace(seen.task, gradient=features, mappable=True)
    )
