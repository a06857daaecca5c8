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

        A classifier's labels are those that are granted. Otherwise they are those of the claim or the likeliest ones by
        the same score (`bench.attacks.posterior.likeliest`), whichever are more probable, because an attack that found
        most words may have guessed labels that hide it. The targets of a language model follow from the sentences.

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

        if language.head != "classification":
            vocabulary = seen.parameters[language.embedding].shape[1]
            targets = targets_of(language, tokens, mask, vocabulary)[0].to(self.dtype)
            return ScoredClaim(*judged(targets), tokens, labels, 1)
        if seen.labels is not None:
            return ScoredClaim(*judged(seen.labels[position]), tokens, seen.labels[position], 1)
        likely, tries = likeliest(torch.full_like(labels, -1), seen.task.classes or 0, lambda one: judged(one)[0])
        tried = [likely] if bool((labels < 0).any()) else [labels, likely]
        best, found = min(((judged(one), one) for one in tried), key=lambda pair: pair[0][0])
        return ScoredClaim(*best, tokens, found, tries + len(tried))
