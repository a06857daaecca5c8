"""An objective that changes in the course of a run: it begins with the last layers, and priors begin to act late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.attacks.group_matching import PRIORS, STATISTICS, GroupMatching
from bench.engine.rng import draw

_DROPPED = "mask of "  # before a tensor's name, among what is known of the slots


@dataclass(frozen=True)
class Phases:
    """The course of a run. Evaluations are counted from 0, and parameter tensors from the output of the model.

    Args:
        first: the number of parameter tensors that are compared at the beginning, >= 1.
        more: how many are added each time, >= 0.
        every: after how many evaluations they are added, >= 1.
        most: the largest number of tensors, >= 1.
        share: the share of the entries that each evaluation compares, drawn anew, in (0, 1].
        priors_from: the evaluation from which priors on images act, >= 0.
        statistics_from: the evaluation from which the prior on BatchNorm statistics acts, >= 0.

    Raises:
        ValueError: a number is out of its range.
    """

    first: int
    more: int
    every: int
    most: int
    share: float
    priors_from: int
    statistics_from: int

    def __post_init__(self) -> None:
        least = min(self.first, self.every, self.most)
        if least < 1 or min(self.more, self.priors_from, self.statistics_from) < 0 or not 0 < self.share <= 1:
            raise ValueError(
                f"{self}: first, every and most must be >= 1; more, priors_from and statistics_from must be >= 0; "
                "want 0 < share <= 1"
            )

    def begin_of(self, term: str) -> int:
        """The evaluation from which a term acts."""
        return self.priors_from if term == PRIORS else self.statistics_from

    def compared(self, tensors: int, evaluation: int) -> int:
        """How many of a model's tensors an evaluation compares.

        Example:
            >>> course = Phases(11, 10, 500, 86, 0.7, 3000, 5000)
            >>> [course.compared(110, t) for t in (0, 498, 499, 999, 14_999)]
            [11, 11, 21, 31, 86]
        """
        return min(tensors, self.most, self.first + self.more * ((evaluation + 1) // self.every))


class PhasedMatching(GroupMatching):
    """The objective of `GroupMatching`, of which each evaluation sees the entries and the terms that `Phases` says.

    Until `prepare` is called, all entries are compared and all terms act: so a finished run is judged.

    Args:
        phases: the course of a run.
        rest: the arguments of `GroupMatching`.

    Attributes:
        changes: that values of two evaluations are not those of one function.
        seed: seed of the attacker's random numbers. The entries of a victim depend on it, on the victim's number and on
            the number of the evaluation alone.
    """

    changes = True

    def __init__(self, phases: Phases, *rest: Any) -> None:
        super().__init__(*rest)
        self.phases, self.seed = phases, 0

    def load(self, victims: Tensor) -> None:
        """See `Matching.load`."""
        super().load(victims)
        known, slots = self._slots["known"], len(victims)
        for term in (PRIORS, STATISTICS):
            known[term] = torch.ones(slots, dtype=self._dtype, device=victims.device)
        for name, value in self._slots["observed"].items():
            known[_DROPPED + name] = torch.ones_like(value)

    def prepare(self, evaluations: Tensor) -> None:
        """Draws the entries that each slot compares, and says which terms act."""
        known, times, ids = self._slots["known"], evaluations.tolist(), self.ids.tolist()
        for term in (PRIORS, STATISTICS):
            known[term] = (evaluations >= self.phases.begin_of(term)).to(known[term])
        drawn = [self._masks(victim, at) for victim, at in zip(ids, times)]
        for name in self._slots["observed"]:
            here = known[_DROPPED + name]
            known[_DROPPED + name] = torch.stack([masks[name] for masks in drawn]).to(here)

    def _masks(self, victim: int, evaluation: int) -> dict[str, Tensor]:
        """Which entries of each observed tensor an evaluation compares, `{name: [...]}`, bool."""
        shapes = {name: value.shape[1:] for name, value in self._seen.gradients.items()}
        sizes = [shape.numel() for shape in shapes.values()]
        numbers = draw("uniform", (sum(sizes),), self.seed, "entries", victim, evaluation)
        parts = (numbers < self.phases.share).split(sizes)
        before = len(shapes) - self.phases.compared(len(shapes), evaluation)
        return {
            name: part.view(shape) & (place >= before)
            for place, ((name, shape), part) in enumerate(zip(shapes.items(), parts))
        }

    def _distance(self, gradients: dict[str, Tensor], observed: dict[str, Tensor], known: dict[str, Tensor]) -> Tensor:
        masks = self._repeated({name: known[_DROPPED + name] for name in observed})
        ours, theirs = ({name: group[name] * mask for name, mask in masks.items()} for group in (gradients, observed))
        return self.objective(ours, theirs)

    def _acting(self, term: str, known: dict[str, Tensor]) -> Tensor | float:
        return known[term].repeat_interleave(self.starts.starts)
