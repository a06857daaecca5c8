"""DLG (Zhu, Liu, Han 2019, arXiv 1906.08935) against InstaHide: the encoded images are matched, and then decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bench.attacks.mixture_matching import MixtureMatching, Mixtures
from bench.attacks.sign_search import SignSearch, mixing_matrix
from bench.defenses.base import Gradient, Tree
from bench.defenses.example_form import probabilities
from bench.defenses.mixup import mixed
from bench.engine.directions import Direction
from bench.engine.matching import Objective
from bench.engine.parametrisation import Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.errors import NotApplicable
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior

_LARGEST = 6  # examples of a batch: 2^B combinations of signs are tried at each pixel


class DLGDecoded(MixtureMatching):
    """Optimises the encoded images of InstaHide and their shares, and looks for the signs that were flipped.

    What the defence hides is the sign of each pixel and the images of a mixture. Both are looked for after the matching
    (`bench.attacks.sign_search.SignSearch`): the shares are those of the labels, the absolute value of each pixel of a
    mixture is known, and few signs leave the pixels of the images within their range. This is for mixtures of two
    images (`defense.k=2`), whose shares are in [1 - `upper`, `upper`]. If all labels are the same, they say nothing of
    the shares, and the images are not told apart.

    Departs: DLG knows of no encoding; this attack is ours.

    Args:
        objective: see `GradientMatching`.
        views: see `GradientMatching`.
        priors: see `GradientMatching`.
        labels: label inference, of the labels before they are mixed.
        variables: see `GradientMatching`.
        start: see `GradientMatching`.
        start_labels: see `GradientMatching`.
        direction: see `GradientMatching`.
        step: see `GradientMatching`.
        stop: see `GradientMatching`.
        box: see `GradientMatching`.
        select: see `GradientMatching`.
        restarts: see `MixtureMatching`; each tries another circle of partners.
        signs: the search for signs.
        engine: see `GradientMatching`.
    """

    mixes, hint = "InstaHide", "defense=instahide"

    def __init__(
        self,
        objective: Objective,
        views: Sequence[GradientTransform],
        priors: Sequence[Prior],
        labels: LabelRule,
        variables: Parametrisation,
        start: str,
        start_labels: str,
        direction: Direction,
        step: StepRule,
        stop: Stop,
        box: bool,
        select: str,
        restarts: int,
        signs: SignSearch,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(
            objective, views, priors, labels, variables, start, start_labels, direction, step, stop, box, select,
            restarts, engine=engine,
        )  # fmt: skip
        self.signs = signs

    def _known(self, seen: Observation) -> Mapping[str, Any]:
        known = super()._known(seen)
        if known["k"] != 2 or (seen.batch_size or 0) > _LARGEST:
            raise NotApplicable(
                f"attack DLGDecoded needs mixtures of two images, and up to {_LARGEST} images in a batch (defense.k=2, "
                "data.batch_size)"
            )
        return known

    def _shares(self, seen: Observation) -> tuple[int, tuple[float, float]]:
        upper = float(self._known(seen)["upper"])
        return seen.batch_size or 0, (1 - upper, upper)

    def _decoded(self, found: Mixtures) -> tuple[Tensor, dict[str, Tensor]]:
        low, high = found.span
        signed = 2 * (found.inputs - low) / (high - low) - 1
        images, flipped = self.signs(signed.nan_to_num(), mixing_matrix(found.share, found.partner))
        unknowns = {"share": found.share, "partner": found.partner, "flipped": flipped}
        return low + (high - low) * (images + 1) / 2, unknowns

    def explained(self, seen: Observation, unknowns: Mapping[str, Tensor]) -> Gradient:
        """The gradient of the encoded images that a client makes of the claim.

        Args:
            seen: see `Attack.explained`.
            unknowns: `share` `[B]`, `partner` `[B]` (int64) and `flipped` `[B, C, H, W]` (bool).
        """
        share, partner, flipped = (unknowns[name] for name in ("share", "partner", "flipped"))

        def of_both(values: Tensor) -> Tensor:
            return mixed(values, values[partner], share.to(values).view(-1, *[1] * (values.dim() - 1)))

        def gradient(parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
            own, images = probabilities(targets, seen.task.classes or 0, inputs.dtype), of_both(inputs)
            assert seen.task.input_range is not None
            turned = torch.where(flipped, sum(seen.task.input_range) - images, images)
            return seen.task.gradient(parameters, buffers, turned, of_both(own))

        return gradient
