"""One score for the claims of different attacks, which the attacker can compute: -log p(observed | D(g)) - log p(x)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor

from bench.attacks.exact.one_victim import one_victim
from bench.attacks.likelihood import Likelihood
from bench.defenses.base import Gradient
from bench.messages.observation import Observation
from bench.priors.base import Prior


@dataclass(frozen=True, eq=False)
class ScoredClaim:
    """What the attacker can say of one claim.

    Args:
        score: -log p(observed | D(g(x, y))) - log p(x), up to a constant; infinite if the claim is not finite.
        error: the length of D(g(x, y)) - observed over that of what was observed, over the entries that were shared.
        equations: how many entries were shared.
        inputs: `[B, C, H, W]`, the claim within the range of inputs, if that is granted.
        labels: `[B]`, the labels of the claim; where it had none, the likeliest ones.
        evaluations: gradients that were computed to find this out.
    """

    score: float
    error: float
    equations: int
    inputs: Tensor
    labels: Tensor
    evaluations: int


@dataclass(frozen=True)
class Posterior:
    """Scores claims about one observation.

    Args:
        seen: the observation.
        likelihood: of what was shared.
        prior: -log p(x), `[1, B, C, H, W] -> [1]`.
        dtype: of the computation.
    """

    seen: Observation
    likelihood: Likelihood
    prior: Prior
    dtype: torch.dtype

    def __call__(self, position: int, inputs: Tensor, labels: Tensor, gradient: Gradient | None = None) -> ScoredClaim:
        """Scores a claim about one victim.

        Pixels beyond the range of inputs are set to its ends first, because no image has such pixels. Labels that the
        claim leaves open are those that are granted; otherwise they are filled in, one place after the other, by the
        class of the lowest score (open places behind have class 0 meanwhile).

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
        classes = range(seen.task.classes or 0)
        filled, evaluations = labels.clamp(min=0), 0
        for place in torch.nonzero(labels < 0).flatten().tolist():
            tried = [filled.index_fill(0, torch.tensor([place], device=labels.device), one) for one in classes]
            scores = [self._judged(position, images, one, gradient)[0] for one in tried]
            evaluations += len(tried)
            filled = tried[scores.index(min(scores))] if tried else filled
        score, error, equations = self._judged(position, images, filled, gradient)
        return ScoredClaim(score, error, equations, images.to(inputs.dtype), filled, evaluations + 1)

    def _judged(self, position: int, images: Tensor, labels: Tensor, gradient: Gradient) -> tuple[float, float, int]:
        """The score of images `[B, C, H, W]` with labels `[B]`, their relative error, and the number of equations."""
        seen = self.seen
        parameters, buffers = (one_victim(group, position, images) for group in (seen.parameters, seen.buffers))
        own = gradient(parameters, buffers, images, labels)
        theirs = {name: value[None] for name, value in one_victim(seen.gradients, position, images).items()}
        with torch.no_grad():
            ours = {name: own[name].detach()[None] for name in theirs}
            score = float(self.likelihood(ours, theirs) + self.prior(images[None]))
            error, equations = self.likelihood.relative_error(ours, theirs)
        return (score if isfinite(score) else inf), float(error), int(equations)
