"""The search under noise: sparse directions, the images that fit best, and a verdict that knows the noise."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.exact.spear.descent import descend
from bench.attacks.exact.spear.directions import independent
from bench.attacks.exact.spear.found import FoundImages, nothing
from bench.attacks.exact.spear.hull import image_points
from bench.attacks.exact.spear.noise import NoisyGradient
from bench.attacks.exact.spear.refine import Fit, refine
from bench.attacks.exact.spear.search import SpearBudget
from bench.attacks.exact.spear.tighten import tighten
from bench.engine.allowance import Affords, Rounds, always

_DEAD = 0.3  # share of the units that must be dead for a direction
_SPARE = 8  # units beyond the rank that must be dead at least
_SAME = 0.98  # two directions with at least this |cosine| are one
_HEARD = 0.5  # share of the units an image wakes at which its gradient must be more than noise
_TOLD = 4  # units that must be dead for an image for sure, as a multiple of the other images


class NoisySearch:
    """Searches the images of one batch whose gradient has lost its exact zeros.

    Args:
        noisy: see `NoisyGradient`.
        accept: the lambda that each image must have, in (0, 1].
        random: the source of all random numbers.
        affords: asked before each round of descents, see `EngineSettings`.
    """

    def __init__(self, noisy: NoisyGradient, accept: float, random: torch.Generator, affords: Affords = always) -> None:
        self._rounds = Rounds(affords)
        self.noisy, self.accept, self.random = noisy, accept, random
        self.found = noisy.factors.left.new_zeros(0, noisy.factors.rank)

    def __call__(self, budget: SpearBudget) -> FoundImages:
        """Searches until every image agrees with the gradient, or the budget or the time is used up."""
        best, tried, last_new = nothing(0), 0, 0
        while tried < budget.starts and tried - last_new < budget.patience and self._rounds.another():
            tried += budget.at_once
            if self._round(budget):
                last_new = tried
            claim = self._claim()
            if claim.images is not None and (best.images is None or claim.least > best.least):
                best = claim
            if best.least >= self.accept:
                break
        return FoundImages(best.images, best.agreement, tried)

    def _round(self, budget: SpearBudget) -> bool:
        """Descents from random rows of U; whether they lead to any new direction."""
        factors = self.noisy.factors
        picked = torch.randint(factors.units, (budget.at_once,), generator=self.random)
        starts = torch.nn.functional.normalize(factors.left[picked], dim=1)
        ends = descend(factors.left.float(), starts.float(), budget.steps).double()
        units = min(factors.units, max(int(_DEAD * factors.units), factors.rank + _SPARE))
        spaces, _ = tighten(factors, ends, 1, units, self.random)
        before = len(self.found)
        self.found = self._distinct(torch.cat([self.found, spaces[:, 0]]))
        return len(self.found) > before

    def _distinct(self, found: Tensor) -> Tensor:
        """One of each group of nearly equal directions, the sparsest, in the order of their dead units."""
        found = found[self.noisy.factors.zeros(found).sum(1).argsort(descending=True, stable=True)]
        cosine, kept = (found @ found.mT).abs(), list[int]()
        for at in range(len(found)):
            if not kept or cosine[at, kept].max() < _SAME:
                kept.append(at)
        return found[kept]

    def _claim(self) -> FoundImages:
        """The images of the sparsest independent directions, fitted to the gradient, and what speaks for them."""
        factors = self.noisy.factors
        chosen, _ = independent(self.found, range(len(self.found)))
        if len(chosen) < factors.rank:
            return nothing(0)
        rows = image_points(self.found[chosen])
        fit = refine(self.noisy, rows * factors.values / (rows @ factors.bias)[:, None])
        if not fit.points.isfinite().all():
            return nothing(0)
        images = fit.points @ (factors.images / factors.values[:, None])
        return FoundImages(images, agreement(self.noisy, fit), 0)


def agreement(noisy: NoisyGradient, fit: Fit) -> Tensor:
    """The share lambda of units at which image and gradient agree as far as the noise lets one tell: `[r]`.

    They disagree at a unit that is dead for the image for sure (W x + b < -margin) and has a gradient of it for sure
    (see `Factors.zeros`). A value within noise says nothing, so an image without enough values that say something has a
    lambda of 0: its gradient must be heard at half of the units that it wakes, and 4 (B - 1) units must be dead for it.
    A false image that wakes other units would then contradict the gradient at many of these.
    """
    factors = noisy.factors
    directions = torch.linalg.pinv(fit.points).mT * factors.values
    heard = ~factors.zeros(directions)
    dead, awake = fit.values < -fit.margin, fit.values > fit.margin
    agreed = 1 - (heard & dead).double().mean(1)
    enough = (heard & awake).sum(1) >= _HEARD * awake.sum(1).clamp(min=1)
    return torch.where(enough & (dead.sum(1) >= _TOLD * (factors.rank - 1)), agreed, 0)
