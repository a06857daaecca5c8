"""One score for the claims of different attacks about sentences, which the attacker can compute."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor

from bench.attacks.exact.targets import targets_of
from bench.attacks.likelihood import Likelihood
from bench.attacks.posterior import ScoredClaim, compared, likeliest
from bench.defenses.base import Gradient
from bench.messages.observation import Observation
from bench.models.text.base import pack


@dataclass(frozen=True)
class SentenceLikelihood:
    """Scores claims about the sentences of one observation by -log p(observed | D(g(tokens, targets))).

    There is no prior: all sentences count as equally probable. A claim that leaves a place open has no gradient, so
    its score is infinite.

    Args:
        seen: the observation.
        likelihood: of what was shared.
        dtype: of the computation.
    """

    seen: Observation
    likelihood: Likelihood
    dtype: torch.dtype

    def __call__(self, position: int, tokens: Tensor, labels: Tensor, gradient: Gradient | None = None) -> ScoredClaim:
        """Scores a claim about one victim.

        A classifier's labels that the claim leaves open are those that are granted; otherwise they are filled in by the
        same score (`bench.attacks.posterior.likeliest`). The targets of a language model follow from the sentences.

        Args:
            position: of the victim in the observation.
            tokens: `[B, T]`, -1 at padding and where no token is claimed.
            labels: `[B]`, -1 for no claim.
            gradient: see `Attack.explained`; None for the attacker's own gradient.
        """
        seen, language = self.seen, self.seen.task.language
        assert language is not None
        mask = tokens >= 0 if seen.mask is None else seen.mask[position]
        if not mask.any(1).all() or bool((mask & (tokens < 0)).any()):
            return ScoredClaim(inf, inf, 0, tokens, labels, 0)
        gradient, inputs = gradient or seen.task.gradient, pack(tokens, mask)
        like = torch.empty(0, dtype=self.dtype, device=tokens.device)

        def judged(targets: Tensor) -> tuple[float, float, int]:
            score, error, count = compared(seen, self.likelihood, position, inputs, targets, gradient, like)
            return (score if isfinite(score) else inf), error, count

        tries, targets = 0, labels
        if language.head == "classification":
            known = labels if seen.labels is None else torch.where(labels < 0, seen.labels[position], labels)
            targets, tries = likeliest(known, seen.task.classes or 0, lambda one: judged(one)[0])
            labels = targets
        else:
            vocabulary = seen.parameters[language.embedding].shape[1]
            targets = targets_of(language, tokens, mask, vocabulary)[0].to(self.dtype)
        return ScoredClaim(*judged(targets), tokens, labels, tries + 1)
