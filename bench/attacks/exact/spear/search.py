"""The search for all directions of a batch: descents, exact directions, deflation, completion, and the decision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.exact.spear.completion import complete
from bench.attacks.exact.spear.descent import descend
from bench.attacks.exact.spear.directions import Directions
from bench.attacks.exact.spear.factors import Factors
from bench.attacks.exact.spear.found import FoundImages, nothing, read_images
from bench.attacks.exact.spear.hull import Hull, image_points
from bench.attacks.exact.spear.snap import Snap
from bench.engine.allowance import Affords, Rounds, always

_NEW = 0.9995  # a direction with a smaller |cosine| to all others is new
_STRETCH = (2.0, 1.5, 3.0, 1.2)  # factors by which known directions are stretched, in turn
_FEW = 8  # missing directions that are completed from the images' side
_DEAD = -1e-3  # a value below this share of the largest is dead for sure


@dataclass(frozen=True)
class SpearBudget:
    """How long a victim is searched, counted in descents and not in seconds: a result does not depend on the machine.

    Args:
        starts: the most descents, >= 1.
        at_once: descents at once, >= 1.
        steps: steps of each descent, >= 1.
        patience: descents without a new direction after which the search ends, >= 1.

    Raises:
        ValueError: a number is out of its range.
    """

    starts: int
    at_once: int
    steps: int
    patience: int

    def __post_init__(self) -> None:
        for name in ("starts", "at_once", "steps", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: must be >= 1")


class SpearSearch:
    """Searches the directions of one batch.

    Args:
        factors: see `Factors`.
        hull: see `Hull`.
        certificate: see `Directions`.
        accept: the lambda that each image must have, in (0, 1].
        random: the source of all random numbers.
        affords: asked before each round of descents, see `EngineSettings`.
    """

    def __init__(
        self,
        factors: Factors,
        hull: Hull,
        certificate: float,
        accept: float,
        random: torch.Generator,
        affords: Affords = always,
    ) -> None:
        self.factors, self.hull, self.accept, self.random = factors, hull, accept, random
        self.directions = Directions(factors, hull, certificate)
        self.snap = Snap(self.directions, random)
        self._seen = self.directions.found
        self._stretched = self._outside = torch.eye(factors.rank, dtype=factors.left.dtype)
        self._best = nothing(0)
        self._rounds = Rounds(affords)

    def __call__(self, budget: SpearBudget) -> FoundImages:
        """Searches until every image agrees with the gradient, or the budget or the time is used up."""
        tried = last_new = turn = 0
        while tried < budget.starts and tried - last_new < budget.patience and self._rounds.another():
            before = len(self.directions.found)
            tried += budget.at_once
            self._round(budget)
            chosen, basis = self._with_completion()
            if self._decide(chosen):
                break
            _, basis = self.directions.basis()
            self._deflate(basis, _STRETCH[turn % len(_STRETCH)])
            turn += 1
            if len(self.directions.found) > before:
                last_new = tried
        return FoundImages(self._best.images, self._best.agreement, tried)

    def _round(self, budget: SpearBudget) -> None:
        """Descents from random rows of U, outside the known directions, and what they lead to.

        The rows of U are better starts than random vectors: a row is a combination of the directions of the few
        examples that wake its unit.
        """
        factors, count = self.factors, budget.at_once
        picked = torch.randint(factors.units, (count,), generator=self.random)
        jitter = torch.randn(count, factors.rank, generator=self.random, dtype=factors.left.dtype)
        starts = _unit(factors.left[picked] @ self._outside + 1e-9 * jitter)
        ends = descend((factors.left @ self._stretched).float(), starts.float(), budget.steps)
        ends = _unit(ends.double() @ self._stretched)
        new = self._new(ends)
        if len(new):
            self.snap(new)
            self._seen = torch.cat([self._seen, new])

    def _new(self, ends: Tensor) -> Tensor:
        """Those of `[n, r]` that are neither known nor seen before nor a copy of another."""
        old = torch.cat([self.directions.found, self._seen])
        known = (ends @ old.mT).abs().amax(1) if len(old) else torch.zeros(len(ends))
        cosine = (ends @ ends.mT).abs()
        kept: list[int] = []
        for at in range(len(ends)):
            if known[at] < _NEW and (not kept or cosine[at, kept].max() < _NEW):
                kept.append(at)
        return ends[kept]

    def _with_completion(self) -> tuple[list[int], Tensor]:
        """The chosen directions and their basis; if few are missing, after an attempt to complete them."""
        chosen, basis = self.directions.basis()
        if 0 < self.factors.rank - len(chosen) <= _FEW:
            self.snap(complete(self.factors, self.hull, basis, self.random))
            chosen, basis = self.directions.basis()
        return chosen, basis

    def _decide(self, chosen: list[int]) -> bool:
        """Computes images if the directions are complete; whether all agree with the gradient.

        Where an image does not agree, the units that it leaves dead give a better direction. If they do not, the
        direction loses its certificate, so that the next is chosen in its place.
        """
        while len(chosen) == self.factors.rank:
            found = read_images(self.hull, self.directions.found[chosen])
            if float(found.agreement.mean()) > float(self._best.agreement.sum()) / self.factors.rank:
                self._best = found
            if found.least >= self.accept:
                self._best = found
                return True
            wrong = (found.agreement < self.accept).nonzero()[:, 0].tolist()
            if not self._repair(chosen, wrong):
                self.directions.withdraw(chosen[at] for at in wrong)
            chosen, _ = self.directions.basis()
        return False

    def _repair(self, chosen: list[int], wrong: list[int]) -> bool:
        """Puts directions that the dead units of wrong images give in the place of those chosen; whether any is new.

        If a direction is false and all others are true, its image is right, as it depends on the others alone. So the
        dead units of the image give the true direction.
        """
        reached = self.hull.reached(image_points(self.directions.found[chosen])[wrong])
        replaced = []
        for at, value in zip(wrong, reached):
            space = self.factors.null_space(value < _DEAD * value.abs().max())
            if len(space) == 1 and self.directions.add(space[0]):
                replaced.append(chosen[at])
        self.directions.withdraw(replaced)
        return bool(replaced)

    def _deflate(self, basis: Tensor, stretch: float) -> None:
        """Makes the known directions long, so that descents turn away from them, and starts in their complement.

        Descents run over q = T y with T = 1 + (stretch - 1) K, K the projection onto the space of the known directions
        and y a unit vector: the norm of U T y is larger towards K.
        """
        identity = torch.eye(self.factors.rank, dtype=basis.dtype)
        inside = basis.mT @ basis
        self._stretched, self._outside = identity + (stretch - 1) * inside, identity - inside


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=1, keepdim=True)
