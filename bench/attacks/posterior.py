"""One score for the claims of different attacks, which the attacker can compute: -log p(observed | D(g)) - log p(x)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor

from bench.attacks.exact.one_victim import one_victim
from bench.attacks.likelihood import Likelihood
from bench.defenses.base import Gradient
from bench.engine.allowance import Affords, Rounds, always
from bench.messages.observation import Observation
from bench.priors.base import Prior


@dataclass(frozen=True, eq=False)
class ScoredClaim:
    """What the attacker can say of one claim.

    Args:
        score: -log p(observed | D(g(x, y))) - log p(x), up to a constant; infinite if the claim is not finite.
        error: the length of D(g(x, y)) - observed over that of what was observed, over the entries that were shared.
        equations: how many entries were shared.
        inputs: `[B, C, H, W]`, the claim within the range of inputs, if that is granted; or tokens `[B, T]`.
        labels: `[B]`, the labels of the claim; where it had none, the likeliest ones.
        evaluations: gradients that were computed to find this out.
    """

    score: float
    error: float
    equations: int
    inputs: Tensor
    labels: Tensor
    evaluations: int


def likeliest(
    labels: Tensor, classes: int, score: Callable[[Tensor], float], affords: Affords = always
) -> tuple[Tensor, int]:
    """Fills in the labels that a claim leaves open, one place after the other, by the class of the lowest score.

    Open places behind have class 0 meanwhile.

    Args:
        labels: `[B]`, -1 at open places.
        classes: their number; without any, open places stay at 0.
        score: of a claim with labels `[B]`.
        affords: asked before each place, see `EngineSettings`.

    Returns:
        The labels `[B]`, -1 where there was no time, and how many scores were computed.
    """
    filled, tries = labels.clamp(min=0), 0
    unknown, rounds = torch.nonzero(labels < 0).flatten().tolist(), Rounds(affords)
    while unknown and rounds.another():
        place = unknown.pop(0)
        tried = [filled.index_fill(0, torch.tensor([place], device=labels.device), one) for one in range(classes)]
        scores = [score(one) for one in tried]
        tries += len(tried)
        filled = tried[scores.index(min(scores))] if tried else filled
    filled[unknown] = -1
    return filled, tries


def compared(
    seen: Observation,
    likelihood: Likelihood,
    position: int,
    inputs: Tensor,
    targets: Tensor,
    gradient: Gradient,
    like: Tensor,
) -> tuple[float, float, int]:
    """-log p(observed | D(g)) of a claim about one victim, its relative error, and the number of equations.

    Args:
        seen: the observation.
        likelihood: of what was shared.
        position: of the victim in the observation.
        inputs: as `Task.gradient` takes them.
        targets: as `Task.gradient` takes them.
        gradient: see `Attack.explained`.
        like: a tensor of the type and on the device of the computation.
    """
    parameters, buffers = (one_victim(group, position, like) for group in (seen.parameters, seen.buffers))
    own = gradient(parameters, buffers, inputs, targets)
    theirs = {name: value[None] for name, value in one_victim(seen.gradients, position, like).items()}
    with torch.no_grad():
        ours = {name: own[name].detach()[None] for name in theirs}
        error, equations = likelihood.relative_error(ours, theirs)
        return float(likelihood(ours, theirs)), float(error), int(equations)


@dataclass(frozen=True)
class Posterior:
    """Scores claims about one observation.

    Args:
        seen: the observation.
        likelihood: of what was shared.
        prior: -log p(x), `[1, B, C, H, W] -> [1]`.
        dtype: of the computation.
        affords: asked before each label that is filled in, see `EngineSettings`.
    """

    seen: Observation
    likelihood: Likelihood
    prior: Prior
    dtype: torch.dtype
    affords: Affords = always

    def __call__(self, position: int, inputs: Tensor, labels: Tensor, gradient: Gradient | None = None) -> ScoredClaim:
        """Scores a claim about one victim.

        Pixels beyond the range of inputs are set to its ends first, because no image has such pixels. Labels that the
        claim leaves open are those that are granted; otherwise they are filled in by the same score (`likeliest`).

        Args:
            position: of the victim in the observation.
            inputs: `[B, C, H, W]`.
            labels: `[B]`, -1 for no claim.
            gradient: what a client would share of the claim but for the defences of the likelihood, see
                `Attack.explained`; None for the attacker's own gradient.
        """
        seen, images, gradient = self.seen, inputs.to(self.dtype), gradient or self.seen.task.gradient
        labels = labels.to(inputs.device)
        if seen.labels is not None:
            labels = torch.where(labels < 0, seen.labels[position], labels)
        if not images.isfinite().all():
            return ScoredClaim(inf, inf, 0, inputs, labels, 0)
        images = images if seen.task.input_range is None else images.clamp(*seen.task.input_range)
        filled, tries = likeliest(
            labels, seen.task.classes or 0, lambda one: self._judged(position, images, one, gradient)[0], self.affords
        )
        score, error, equations = self._judged(position, images, filled.clamp(min=0), gradient)
        return ScoredClaim(score, error, equations, images.to(inputs.dtype), filled, tries + 1)

    def _judged(self, position: int, images: Tensor, labels: Tensor, gradient: Gradient) -> tuple[float, float, int]:
        """The score of images `[B, C, H, W]` with labels `[B]`, their relative error, and the number of equations."""
        unlikely, error, equations = compared(self.seen, self.likelihood, position, images, labels, gradient, images)
        with torch.no_grad():
            score = unlikely + float(self.prior(images[None]))
        return (score if isfinite(score) else inf), error, equations
