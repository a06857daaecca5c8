"""The search of the paper: null vectors of random units, chosen by sparsity and by the agreement of their images."""

from __future__ import annotations

import torch

from bench.attacks.exact.spear.directions import independent
from bench.attacks.exact.spear.factors import Factors
from bench.attacks.exact.spear.found import FoundImages, nothing, read_images
from bench.attacks.exact.spear.hull import Hull
from bench.engine.allowance import Affords, Rounds, always

_SAME = 1 - 1e-6  # two directions with at least this |cosine| are one


class Sampling:
    """Samples directions of one batch (Dimitrov et al. 2024, arXiv 2403.03945).

    1. r - 1 random rows of U have one null vector q. If all their units are dead for one example, q is its direction.
    2. q is kept if at least a share of all units is dead for it.
    3. The r sparsest directions that are linearly independent are chosen. If their images do not agree with the
    gradient, others are put into their places as long as the agreement rises, and the sampling goes on.

    Args:
        factors: see `Factors`.
        hull: see `Hull`.
        sparsity: the share of the units that must be dead, in (0, 1) (the paper's tau).
        accept: the lambda that each image must have, in (0, 1].
        random: the source of the samples.
        affords: asked before each round of samples, see `EngineSettings`.
    """

    def __init__(
        self,
        factors: Factors,
        hull: Hull,
        sparsity: float,
        accept: float,
        random: torch.Generator,
        affords: Affords = always,
    ) -> None:
        self._rounds = Rounds(affords)
        self.factors, self.hull, self.sparsity, self.accept, self.random = factors, hull, sparsity, accept, random
        self.found = factors.left.new_zeros(0, factors.rank)
        self.dead: list[int] = []

    def __call__(self, samples: int, at_once: int) -> FoundImages:
        """Samples until every image agrees with the gradient, or the samples or the time are used up.

        Args:
            samples: the most samples, >= 1.
            at_once: samples between two choices, >= 1.
        """
        best, tried = nothing(0), 0
        while tried < samples and self._rounds.another():
            tried += at_once
            if self.draw(at_once) and len(self.found) >= self.factors.rank:
                best = self.choose()
                if best.least >= self.accept:
                    break
        return FoundImages(best.images, best.agreement, tried)

    def draw(self, count: int) -> int:
        """Draws null vectors, keeps the sparse ones, and returns how many of them are new."""
        picked = torch.rand(count, self.factors.units, generator=self.random).topk(self.factors.rank - 1, dim=1).indices
        drawn = torch.linalg.svd(self.factors.rows[picked], full_matrices=True)[2][:, -1]
        dead = self.factors.zeros(drawn).sum(1)
        before = len(self.found)
        for at in (dead >= self.sparsity * self.factors.units).nonzero()[:, 0].tolist():
            if not len(self.found) or (self.found @ drawn[at]).abs().max() <= _SAME:
                self.found = torch.cat([self.found, drawn[at][None]])
                self.dead.append(int(dead[at]))
        return len(self.found) - before

    def choose(self) -> FoundImages:
        """Chooses the sparsest independent directions, and exchanges them as long as the mean lambda rises."""
        order = sorted(range(len(self.found)), key=lambda at: -self.dead[at])
        chosen, _ = independent(self.found, order)
        if len(chosen) < self.factors.rank:
            return nothing(0)
        best = read_images(self.hull, self.found[chosen])
        while best.least < self.accept:
            better = self._exchanged(order, chosen, best)
            if better is None:
                break
            chosen, best = better
        return best

    def _exchanged(
        self, order: list[int], chosen: list[int], best: FoundImages
    ) -> tuple[list[int], FoundImages] | None:
        """The exchange of one chosen direction for another that raises the mean lambda most; None if none does."""
        better = None
        for other in (at for at in order if at not in chosen):
            for place in range(len(chosen)):
                swapped = [*chosen[:place], other, *chosen[place + 1 :]]
                if len(independent(self.found, swapped)[0]) < len(swapped):
                    continue
                found = read_images(self.hull, self.found[swapped])
                if found.agreement.mean() > best.agreement.mean():
                    better, best = (swapped, found), found
        return better
