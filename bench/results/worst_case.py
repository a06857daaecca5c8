"""The worst case over attacks per victim, chosen by the truth: an upper bound on what any of them got, for boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

Scores = Mapping[int, float]  # {victim: score}, the higher the more has leaked


@dataclass(frozen=True)
class WorstCase:
    """The highest score of each victim over several attacks.

    AutoAttack's robust accuracy counts an example as lost if any of its attacks succeeds (Croce and Hein 2020, arXiv
    2003.01690). This is the like on a scale. No attacker could claim it, since only the truth says which attack got
    most. It cannot fall as attacks are added, and neither can the best of as many controls, which look at no gradient.

    Args:
        victims: the ids of all victims with a score, sorted.
        scores: `[n]`, the highest score of each.
        won: of how many victims each attack has the highest score, by attack; of equal ones the first counts.
        attacks: the number of attacks.
        controls: how many controls `chance` was taken over; as many as there are attacks, or as there are controls.
        chance: `[n]`, the highest score of each victim over the controls; NaN for a victim without one.
    """

    victims: tuple[int, ...]
    scores: np.ndarray
    won: dict[str, int]
    attacks: int
    controls: int
    chance: np.ndarray

    @property
    def mean(self) -> float:
        """The mean over the victims."""
        return float(self.scores.mean())

    @property
    def mean_by_chance(self) -> float | None:
        """The mean of the controls' best over the victims that have one; None if none has."""
        known = self.chance[np.isfinite(self.chance)]
        return float(known.mean()) if len(known) else None


def worst_case(attacks: Mapping[str, Scores], controls: Sequence[Scores]) -> WorstCase | None:
    """Takes the highest score per victim; None if no attack has a victim.

    Args:
        attacks: the scores under each attack, by its name. An attack may lack victims.
        controls: the scores of attacks that look at no gradient; those beyond the number of attacks are not used.
    """
    victims = sorted({victim for scores in attacks.values() for victim in scores})
    if not victims:
        return None
    best = [
        max((name for name in attacks if victim in attacks[name]), key=lambda n: attacks[n][victim])
        for victim in victims
    ]
    used = list(islice(controls, len(attacks)))
    chance = [max((scores[victim] for scores in used if victim in scores), default=np.nan) for victim in victims]
    return WorstCase(
        victims=tuple(victims),
        scores=np.array([attacks[name][victim] for name, victim in zip(best, victims)]),
        won=dict(Counter(best)),
        attacks=len(attacks),
        controls=len(used),
        chance=np.array(chance),
    )
