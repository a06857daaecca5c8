"""The affine hull of a batch: which units an image of it wakes, and whether one image can wake a set of units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.attacks.exact.spear.factors import Factors, LayerGradient

_HOPELESS = 0.85  # least squares that gets fewer units right is not followed by logistic regression
_SLOW = 0.97  # share that must be right after `_EARLY` steps of it
_EARLY = 6
_STEPS = 20  # most Newton steps
_REACH = 8.0  # longest change of a value per step: logistic regression on separable data has no minimum
_START = 3.0  # mean size of the values at the start


@dataclass(frozen=True, eq=False)
class Hull:
    """The affine hull of the images of a batch, in r unknowns.

    With C = Q^-1, an image is x = (c S V) / (c U^T gb), where c is a row of C: the weight's gradient gives the images
    up to a factor, and the bias's gradient the factor. So W x + b = (A c) / (c U^T gb) with A = W (S V)^T + b (U^T
    gb)^T.

    Args:
        factors: see `Factors`.
        rows: `[m, r]`, those of A at length 1.
    """

    factors: Factors
    rows: Tensor

    @classmethod
    def of(cls, layer: LayerGradient, factors: Factors) -> Hull:
        """Computes A of a layer without dead units."""
        rows = layer.weight @ factors.images.mT + layer.bias[:, None] * factors.bias
        return cls(factors, rows / rows.norm(dim=1, keepdim=True))

    @cached_property
    def _inverse(self) -> Tensor:
        return torch.linalg.pinv(self.rows)

    def images(self, points: Tensor) -> Tensor:
        """The images `[k, n]` of points `[k, r]`, whose sign and length have no effect."""
        return (points @ self.factors.images) / (points @ self.factors.bias)[:, None]

    def reached(self, points: Tensor) -> Tensor:
        """W x + b of the images of points `[k, r]`, each unit scaled by a positive number: `[k, m]`."""
        return (points @ self.rows.mT) / (points @ self.factors.bias)[:, None]

    def agreement(self, directions: Tensor) -> Tensor:
        """The share lambda of units at which image and gradient agree, for each example: Q^T `[r, r]` -> `[r]`.

        They agree at a unit if its value W x + b is positive and U q is not zero there, or neither holds (Dimitrov et
        al. 2024). Nothing else decides whether a claim is right.
        """
        return ((self.reached(image_points(directions)) > 0) != self.factors.zeros(directions)).double().mean(1)

    def separates(self, awake: Tensor, share: float) -> bool:
        """Whether some point of the hull wakes just these units, up to a share of them.

        The units that an image wakes are those with A c > 0 for one c, up to a common sign. So a single direction can
        be tested before the others are known: is there a half-space with the right pattern? This is logistic regression
        without an intercept, by Newton steps from the least-squares solution, with a ridge that falls tenfold per step.
        Differences of two examples and other false directions have no such pattern.

        Args:
            awake: `[m]`, bool: where U q is not zero.
            share: of the units that must be right, in (0, 1].
        """
        sign = torch.where(awake, 1.0, -1.0).double()
        point = self._inverse @ sign
        value = self.rows @ point
        best = float((value * sign > 0).double().mean())
        if best < _HOPELESS:
            return False
        point = point * (_START / value.abs().mean())
        for step in range(_STEPS):
            margin = (sign * (self.rows @ point)).clamp(-30, 30)
            best = max(best, float((margin > 0).double().mean()))
            if best >= share:
                return True
            if step == _EARLY and best < _SLOW:
                return False
            point = point + self._newton(margin, sign, 0.1 ** min(step, _EARLY))
        return False

    def _newton(self, margin: Tensor, sign: Tensor, ridge: float) -> Tensor:
        """One step of logistic regression, at most `_REACH` long."""
        wrong = torch.sigmoid(-margin)
        curvature = (self.rows * (wrong * (1 - wrong))[:, None]).mT @ self.rows
        diagonal = curvature.diagonal()
        diagonal.add_(1e-3 * diagonal.mean() * ridge + 1e-12)
        step = torch.linalg.solve(curvature, self.rows.mT @ (sign * wrong))
        change = float((self.rows @ step).abs().max())
        return step * min(1.0, _REACH / change) if change > 0 else torch.zeros_like(step)


def image_points(directions: Tensor) -> Tensor:
    """The rows of C = Q^-1 from the columns of Q, here as rows: `[r, r]` -> `[r, r]`."""
    return torch.linalg.inv(directions.mT)
