"""DLG (Zhu, Liu, Han 2019, arXiv 1906.08935) against mixup: the mixtures are matched, and then taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from bench.attacks.mixture_matching import MixtureMatching, Mixtures
from bench.attacks.unmixing import share_within, unmixed
from bench.defenses.base import Gradient, Tree
from bench.defenses.example_form import probabilities
from bench.defenses.mixup import mixed
from bench.engine.directions import Direction
from bench.engine.matching import Objective
from bench.engine.parametrisation import Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior


class DLGUnmixed(MixtureMatching):
    """Optimises the mixtures of mixup and the share by which they are mixed, and solves for the images.

    The images are the solution of the linear system that the share and the partners say
    (`bench.attacks.unmixing.unmixed`). Mixup keeps the mean label of a batch, so that rules which count labels serve.
    The share is looked for in [1/2, 1]: a smaller one is that of the partner. If all labels are the same, they say
    nothing of the share, which is then the smallest one that leaves images within the range of inputs
    (`bench.attacks.unmixing.share_within`).

    Departs: DLG knows of no mixtures; this attack is ours.

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
        ridge: see `unmixed`, >= 0.
        decay: see `unmixed`, >= 0.
        slack: see `share_within`, > 0.
        engine: see `GradientMatching`.

    Raises:
        ValueError: see `GradientMatching`; or a number is out of its range.
    """

    mixes, hint = "Mixup", "defense=mixup"

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
        ridge: float,
        decay: float,
        slack: float,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(
            objective, views, priors, labels, variables, start, start_labels, direction, step, stop, box, select,
            restarts, engine=engine,
        )  # fmt: skip
        if not (ridge >= 0 and decay >= 0 and slack > 0):
            raise ValueError(f"ridge={ridge}, decay={decay}, slack={slack}: must be >= 0, >= 0 and > 0")
        self.ridge, self.decay, self.slack = ridge, decay, slack

    def _shares(self, seen: Observation) -> tuple[int, tuple[float, float]]:
        return 1, (0.5, 1.0)

    def _decoded(self, found: Mixtures) -> tuple[Tensor, dict[str, Tensor]]:
        share = found.share[0]
        if found.is_of_one_class and found.inputs.isfinite().all():
            share = share_within(found.inputs, found.partner, found.span, self.slack, self.ridge, self.decay)
        images = unmixed(found.inputs, share, found.partner, sum(found.span) / 2, self.ridge, self.decay)
        return images, {"share": share, "partner": found.partner}

    def explained(self, seen: Observation, unknowns: Mapping[str, Tensor]) -> Gradient:
        """The gradient of the mixtures that a client makes of the claim.

        Args:
            seen: see `Attack.explained`.
            unknowns: `share` `[]`, and `partner` `[B]`, int64.
        """
        share, partner = unknowns["share"], unknowns["partner"]

        def gradient(parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
            own = probabilities(targets, seen.task.classes or 0, inputs.dtype)
            pair = (mixed(value, value[partner], share.to(value)) for value in (inputs, own))
            return seen.task.gradient(parameters, buffers, *pair)

        return gradient
