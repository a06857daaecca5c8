"""An ensemble of attacks on images, of which each victim gets the most probable claim: ours, after AutoAttack (Croce
and Hein 2020, arXiv 2003.01690).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.attacks.base import Attack
from bench.attacks.ensemble import AttackEnsemble, Judge
from bench.attacks.likelihood import Likelihood
from bench.attacks.posterior import Posterior
from bench.engine.settings import EngineSettings
from bench.messages.observation import Observation
from bench.priors.base import Prior


class Strongest(AttackEnsemble):
    """Runs several attacks on each victim, one after the other, and returns the claim that is most probable.

    AutoAttack (Croce and Hein 2020, arXiv 2003.01690) ranks defences against adversarial examples by an ensemble of
    attacks without parameters. This is the like for gradient leakage. There, a wrong class shows that an attack
    succeeded. Here, nothing shows the attacker whether a claim is right, so that all claims are compared by one score:

        -log p(observed | D(g(x, y))) - log p(x)

    with the likelihood of the defence that is granted (`bench.attacks.likelihood`) and one prior for all members. The
    claim with the lowest score is returned, and `Reconstruction.member` says whose it is. Before that, images are
    clipped to the range of inputs, and labels that a claim leaves open are filled in by the same score
    (`bench.attacks.posterior.Posterior`). Which members begin, and when a victim is solved: see `AttackEnsemble`.

    Args:
        members: see `AttackEnsemble`.
        evaluations: see `AttackEnsemble`.
        width: see `AttackEnsemble`.
        solved: see `AttackEnsemble`.
        noiseless: see `AttackEnsemble`.
        partial: see `AttackEnsemble`.
        specialists: see `AttackEnsemble`.
        prior: -log p(x), for all members.
        engine: see `AttackEnsemble`.

    Raises:
        ValueError: see `AttackEnsemble`.
    """

    def __init__(
        self,
        members: Mapping[str, Callable[..., Attack]],
        evaluations: int,
        width: float,
        solved: float,
        noiseless: list[str],
        partial: list[str],
        specialists: list[str],
        prior: Prior,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(members, evaluations, width, solved, noiseless, partial, specialists, engine=engine)
        self.prior = prior

    def _judge(self, seen: Observation, likelihood: Likelihood) -> Judge:
        return Posterior(seen, likelihood, self.prior, self.engine.dtype, self.engine.affords)
