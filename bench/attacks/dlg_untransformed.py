"""DLG (Zhu, Liu, Han 2019, arXiv 1906.08935) against ATS: the transformed images are matched, and then undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.attacks.known_change import only_change
from bench.attacks.untransforming import Policy, Undoing
from bench.defenses.ats import by_policy
from bench.defenses.base import Gradient, Tree
from bench.engine.directions import Direction
from bench.engine.matching import Arrangement, Objective
from bench.engine.parametrisation import Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior


class DLGUntransformed(GradientMatching):
    """Optimises the transformed images of ATS, and looks for the images and the transformations that made them.

    The policies are known, and which one was drawn, with which signs, is not. Each is tried on what the matching found
    (`bench.attacks.untransforming.Undoing`). What a shift pushed out of an image is lost, and is filled in by a prior.

    Departs: DLG knows of no transformations; this attack is ours.

    Args:
        objective: see `GradientMatching`.
        views: see `GradientMatching`.
        priors: see `GradientMatching`; they are of the transformed images.
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
        undoing: the search for images and transformations.
        engine: see `GradientMatching`.
    """

    undoes_changes = True

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
        undoing: Undoing,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(
            objective, views, priors, labels, variables, start, start_labels, direction, step, stop, box, select,
            restarts, engine=engine,
        )  # fmt: skip
        self.undoing = undoing

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, and knowledge of the defence."""
        return super().needs | {"defense_known"}

    def check(self, seen: Observation) -> None:
        """Refuses what `GradientMatching` refuses, and a client that does not transform the images of one step.

        Raises:
            NotApplicable: the message says which.
        """
        self._require(frozenset({"defense_known"}), seen)
        self._policies(seen)
        self._refuse_weights()
        super().check(seen)

    def _policies(self, seen: Observation) -> list[Policy]:
        known = only_change(seen, "ATS", "attack DLGUntransformed", "transforms the images", "defense=ats")
        return [[dict(operation) for operation in policy] for policy in known["policies"]]

    def explained(self, seen: Observation, unknowns: Mapping[str, Tensor]) -> Gradient:
        """The gradient of the images as a client transforms them.

        Args:
            seen: see `Attack.explained`.
            unknowns: `policy` `[B]` (int64) and `negative` `[B, operations]` (bool).
        """
        policies = self._policies(seen)

        def gradient(parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
            changed = by_policy(inputs, policies, unknowns["policy"], unknowns["negative"])
            return seen.task.gradient(parameters, buffers, changed, targets)

        return gradient

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        claim = super()._claim(finished, layout, seen, labels)
        policies = self._policies(seen)
        undone = [self.undoing(image.nan_to_num(), policies) for image in claim.inputs.double().flatten(0, 1)]
        images, chosen, negative = (
            torch.stack([getattr(one, name) for one in undone]).unflatten(0, claim.labels.shape)
            for name in ("image", "policy", "negative")
        )
        return replace(claim, inputs=images.to(claim.inputs), unknowns={"policy": chosen, "negative": negative})
