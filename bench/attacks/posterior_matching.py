"""The most probable images under a known defence and a prior (Balunović et al. 2022, arXiv 2111.04706)."""

from __future__ import annotations

from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.attacks.likelihood import Likelihood
from bench.defenses.base import Tree
from bench.engine.directions import Direction
from bench.engine.matching import Arrangement, Matching
from bench.engine.parametrisation import Parametrisation
from bench.engine.settings import EngineSettings
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.errors import NotApplicable
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.objectives.squared_error import squared_error
from bench.priors.base import Prior

_ROUNDING = ("Half", "Int8", "Sign")  # classes of bench.defenses whose output does not move with their input


class PosteriorMatching(GradientMatching):
    """Maximises p(x | observed): the likelihood of what was shared under the known defence, times a prior of images.

    min over x of -log p(observed | D(g(x, y))) - log p(x), the attack of the Bayesian framework (Balunović, Dimitrov,
    Staab, Vechev 2022, arXiv 2111.04706). Under Gaussian noise the distance between gradients is the squared
    one over the noise's variance, under Laplacian noise the absolute one over its scale
    (`bench.attacks.likelihood.Likelihood`). So noise decides by itself how much the prior counts, and no weight has to
    be chosen.

    Departs: the paper's priors are those of its data; ours is a Gaussian with the spectrum of natural images
    (`bench.priors.power_spectrum`), or whatever the config names. Without a noise that is granted, the likelihood has a
    named width, and entries that were not shared do not count.

    Args:
        width: see `Likelihood`.
        prior: -log p(x), images `[S, B, C, H, W] -> [S]`.
        labels: see `Matcher`.
        variables: see `GradientMatching`.
        start: see `GradientMatching`.
        start_labels: see `GradientMatching`.
        direction: see `Matcher`.
        step: see `Matcher`.
        stop: see `Matcher`.
        box: see `GradientMatching`.
        select: see `Matcher`.
        restarts: see `Matcher`.
        engine: see `Matcher`.

    Raises:
        ValueError: see `GradientMatching` and `Likelihood`.
    """

    def __init__(
        self,
        width: float,
        prior: Prior,
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
            squared_error, [], [prior], labels, variables, start, start_labels, direction, step, stop, box, select,
            restarts, engine=engine,
        )  # fmt: skip
        self.width = width

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve, and a defence that leaves no slope to follow.

        Raises:
            NotApplicable: the message names what is missing, or the defence that rounds.
        """
        super().check(seen)
        if rounding := [str(part["defense"]) for part in seen.defense or () if part["defense"] in _ROUNDING]:
            raise NotApplicable(
                f"attack {type(self).__name__} follows the slope of the likelihood, and {', '.join(rounding)} rounds "
                "gradients, which leaves none (try attack=idlg)"
            )

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        likelihood, unit = Likelihood.under(seen, self.width), seen.task.unit or 1.0

        def distance(gradients: Tree, observed: Tree) -> Tensor:
            """`Matching` divides both by the length of an update, and noise is in the unit of what was shared."""
            ours, theirs = ({name: value * unit for name, value in of.items()} for of in (gradients, observed))
            return likelihood(ours, theirs)

        return Matching(seen, layout, distance, labels, self.engine.dtype, self.priors)
