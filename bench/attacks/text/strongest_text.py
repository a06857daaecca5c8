"""An ensemble of attacks on sentences, of which each victim gets the most probable claim: ours, after AutoAttack (Croce
and Hein 2020, arXiv 2003.01690).
"""

from __future__ import annotations

from bench.attacks.ensemble import AttackEnsemble, Judge
from bench.attacks.likelihood import Likelihood
from bench.attacks.text.sentence_likelihood import SentenceLikelihood
from bench.errors import NotApplicable
from bench.messages.observation import Observation


class StrongestText(AttackEnsemble):
    """Runs several attacks on each batch of sentences, and returns the claim whose gradient is the most probable one.

    Sentences have no prior here, so claims are compared by -log p(observed | D(g)) alone
    (`bench.attacks.text.sentence_likelihood`). Members, budget and what counts as solved: see
    `bench.attacks.ensemble.AttackEnsemble`, tokens taking the place of pixels.
    """

    of_sentences = True

    def check(self, seen: Observation) -> None:
        """Refuses an observation that no member can serve, and one whose hidden tokens nobody can know.

        Raises:
            NotApplicable: the message has the reason, or the reason of each member.
        """
        self._check_kind(seen)
        language = seen.task.language
        if language is not None and language.head == "masked" and language.hidden > 0:
            raise NotApplicable(
                "attack StrongestText compares claims by their gradients, and cannot know which tokens a masked "
                "language model has hidden (set data.hidden=0)"
            )
        super().check(seen)

    def _judge(self, seen: Observation, likelihood: Likelihood) -> Judge:
        return SentenceLikelihood(seen, likelihood, self.engine.dtype)
