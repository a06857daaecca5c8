"""iDLG (Zhao, Mopuri, Bilen 2020, arXiv 2001.02610) by second-order steps, as a problem of least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.engine.directions import Gradient
from bench.engine.gauss_newton import GaussNewton
from bench.engine.loop import Minimiser
from bench.engine.matching import Arrangement, Matching
from bench.engine.parametrisation import Pixels
from bench.engine.residuals import LeastSquares, differences
from bench.engine.settings import EngineSettings
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.errors import NotApplicable
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.objectives.gradient_transforms import GradientTransform, TransformedObjective
from bench.objectives.squared_error import squared_error


class IDLGNewton(GradientMatching):
    """Infers the label, and then solves gradient matching as a problem of least squares with the Jacobian.

    min over x of sum_l ||g_l(x) - g*_l||^2, as in DLG, by Levenberg-Marquardt or, above `dense` pixels, by Gauss-Newton
    steps of conjugate gradients (`bench.engine.gauss_newton`; Nocedal and Wright 2006, chapter 10). Four or five
    Jacobians reach rounding if the model is smooth. With ReLU the Jacobian jumps from one step to the next: more steps
    are needed, and some end before the image is found.

    Under Gaussian noise on the gradient, the minimiser is the estimate of maximum likelihood. Pixels have no bounds, so
    its error can be compared with the limit of an unbiased attacker.

    The objective is not scaled. A column of the Jacobian is a derivative of the gradient, and counts as an evaluation.

    Args:
        views: see `Matcher`.
        labels: label inference, since only images are optimised.
        start: see `GradientMatching`.
        damping: see `GaussNewton`.
        dense: see `GaussNewton`.
        products: see `GaussNewton`.
        step: see `Matcher`.
        stop: see `Matcher`.
        select: see `Matcher`.
        restarts: see `Matcher`.
        engine: see `Matcher`.

    Raises:
        ValueError: a number is out of its range, or a word is none of those named.
    """

    def __init__(
        self,
        views: Sequence[GradientTransform],
        labels: LabelRule,
        start: str,
        damping: float,
        dense: int,
        products: int,
        step: StepRule,
        stop: Stop,
        select: str,
        restarts: int,
        *,
        engine: EngineSettings,
    ) -> None:
        if damping <= 0 or dense < 0 or products < 1:
            raise ValueError(f"damping={damping}, dense={dense}, products={products}: must be > 0, >= 0 and >= 1")
        super().__init__(
            squared_error, views, [], labels, Pixels(), start, "zeros", Gradient(), step, stop, False, select, restarts,
            engine=engine,
        )  # fmt: skip
        self.damping, self.dense, self.products = damping, dense, products

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names what is missing.
        """
        super().check(seen)
        if not seen.task.mappable:
            raise NotApplicable(
                f"attack {type(self).__name__} maps the derivatives of the gradient with vmap, which this model cannot "
                "(try attack=idlg)"
            )

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> LeastSquares:
        assert labels is not None
        return LeastSquares(seen, layout, TransformedObjective(differences, self.views), labels, self.engine.dtype)

    def _minimiser_for(self, matching: Matching, minimiser: Minimiser, seed: int) -> Minimiser:
        assert isinstance(matching, LeastSquares)
        return replace(minimiser, direction=GaussNewton(matching, self.damping, self.dense, self.products))
