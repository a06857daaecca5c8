"""An ensemble of attacks, of which each victim gets the claim with the best score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, nan, prod

import torch
from torch import Tensor, nn

from bench.attacks.base import Attack
from bench.attacks.likelihood import Likelihood
from bench.attacks.posterior import ScoredClaim
from bench.defenses.base import Gradient
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction

# (position, inputs, labels, gradient) -> what the attacker can say of a claim; see `Posterior.__call__`.
Judge = Callable[[int, Tensor, Tensor, Gradient | None], ScoredClaim]


@dataclass(eq=False)
class Candidate:
    """A member's claim about one victim, and what the attacker can say of it."""

    member: str
    claim: Reconstruction
    judged: ScoredClaim

    @property
    def order(self) -> tuple[bool, float]:
        """Sorts candidates: a run that failed comes after all that did not, and then the score decides."""
        return self.claim.status[0].failed, self.judged.score


@dataclass
class Contest:
    """The work on one victim: its best candidate so far, and what all members together have cost."""

    best: Candidate | None = None
    iterations: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    is_solved: bool = field(default=False)

    def enter(self, candidate: Candidate) -> None:
        """Adds a candidate; of two with one score, the one that entered first stays."""
        claim, judged = candidate.claim, candidate.judged
        self.iterations += int(claim.iterations[0])
        self.evaluations += int(claim.evaluations[0]) + judged.evaluations
        self.seconds += float(claim.seconds[0])
        if self.best is None or candidate.order < self.best.order:
            self.best = candidate

    def result(self) -> Reconstruction:
        """The best claim, with its score as the objective and the cost of all members."""
        assert self.best is not None
        claim, judged = self.best.claim, self.best.judged
        found = isfinite(judged.score)
        return replace(
            claim,
            inputs=judged.inputs[None],
            labels=judged.labels[None] if found else claim.labels,
            objective=torch.tensor([judged.score if found else nan], dtype=torch.float64),
            iterations=torch.tensor([self.iterations]),
            evaluations=torch.tensor([self.evaluations]),
            seconds=torch.tensor([self.seconds], dtype=torch.float64),
            member=[self.best.member],
        )


@dataclass(frozen=True, eq=False)
class _Roles:
    """Who can serve an observation.

    Args:
        left_out: the members that cannot, and why.
        resting: the members that could and do not begin, and why.
        likelihood: of what was shared, under what is known of the defence.
    """

    left_out: dict[str, str]
    resting: dict[str, str]
    likelihood: Likelihood


class AttackEnsemble(Attack):
    """Runs several attacks on each victim, one after the other, and returns the claim that is most probable.

    What scores the claims depends on the kind of data, and is what a subclass says (`_judge`).

    Members begin in the order in which they are listed. A member that cannot serve the observation is left out, and a
    notice says why. A victim is solved, and later members are spared, once a claim has a relative error below
    `solved`, no fewer entries were shared than the batch has pixels, and no noise is known (with noise, the true images
    have a gradient as far from what was shared as many others have). Otherwise, a member begins on a victim only if its
    own budget is at most what is left of `evaluations`. Exact attacks have no budget: they always run, and are counted.

    Args:
        members: the attacks, `{name: constructor that lacks the engine only}`, in the order in which they run.
        evaluations: budget per victim, over all members: evaluations of their objectives, and one for each gradient
            that a score took.
        width: of the likelihood if no noise is known, see `Likelihood`.
        solved: the relative error below which a victim counts as solved, >= 0; see `ScoredClaim.error`.
        noiseless: the members that do not begin if noise is known, because without a prior they follow the noise.
        partial: the members that begin only if noise on some entries and not on others is known.
        specialists: the members that were made for one defence and find numbers which its client draws. Where one of
            them can serve, no other member with a budget begins, because its claims could not explain what was shared.
            Nor does an exact one if the defence changes the examples, because it would read the changed ones.
        engine: settings, of which each member has a copy.

    Attributes:
        may_begin: asked before a member begins, by its name; a caller with a budget of its own, such as one of seconds,
            sets it. It must let one member begin at least.
        entered: told of each candidate, and does nothing unless a caller sets it.

    Raises:
        ValueError: there is no member, a number is out of its range, no member's budget is within `evaluations`, or
            `noiseless`, `partial` or `specialists` names no member.
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
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__()
        if not members:
            raise ValueError("members={}: name one attack at least")
        if not width > 0 or solved < 0:
            raise ValueError(f"width={width}, solved={solved}: must be > 0 and >= 0 (shares of the gradient's length)")
        for key, names in {"noiseless": noiseless, "partial": partial, "specialists": specialists}.items():
            if strangers := [name for name in names if name not in members]:
                raise ValueError(f"{key}: no member {', '.join(strangers)} (there are {', '.join(members)})")
        self.engine, self.noiseless = engine, frozenset(noiseless)
        self.partial, self.specialists = frozenset(partial), frozenset(specialists)
        # What the engine has decided about a kind of work holds for one objective, so members do not share it.
        self._engines = {name: replace(engine, tuned={}) for name in members}
        made = {name: make(engine=self._engines[name]) for name, make in members.items()}
        self.members = nn.ModuleDict(made)
        self._budgets = {name: budget_of(member) for name, member in made.items()}
        self._has_spoken = False
        self.may_begin: Callable[[str], bool] = _always
        self.entered: Callable[[Candidate], None] = _untold
        self.evaluations, self.width, self.solved = evaluations, width, solved
        if evaluations < min(self._budgets.values()):
            raise ValueError(f"evaluations={evaluations}: every member has a larger budget")

    @property
    def needs(self) -> frozenset[str]:
        """What all members need; each is left out if an observation lacks anything else that it needs."""
        return frozenset({"batch_size", "buffers"}).union(
            frozenset.intersection(*(member.needs for member in self._each()))
        )

    def _each(self) -> Iterator[Attack]:
        for member in self.members.values():
            assert isinstance(member, Attack)
            yield member

    def check(self, seen: Observation) -> None:
        """Refuses an observation that no member can serve.

        Raises:
            NotApplicable: the message has the reason of each member.
        """
        super().check(seen)
        self._roles(seen)

    def _roles(self, seen: Observation) -> _Roles:
        """Who can serve an observation.

        Raises:
            NotApplicable: nobody can; the message has the reason of each member.
        """
        left_out, likelihood = self._left_out(seen), Likelihood.under(seen, self.width)
        resting = self._resting(left_out, likelihood)
        reasons = left_out | resting
        for name in self.members.keys() - reasons.keys():
            if self._budgets[name] > self.evaluations:
                reasons[name] = f"needs attack.evaluations={self._budgets[name]} at least"
        if len(reasons) == len(self.members):
            words = "; ".join(f"{name}: {reasons[name]}" for name in self.members)
            raise NotApplicable(f"attack {type(self).__name__} has no member that can serve: {words}")
        return _Roles(left_out, resting, likelihood)

    def _left_out(self, seen: Observation) -> dict[str, str]:
        """The members that cannot serve an observation, and why."""
        reasons = {}
        for name, member in zip(self.members, self._each()):
            try:
                member.check(seen)
            except NotApplicable as reason:
                reasons[name] = str(reason)
        return reasons

    def _resting(self, left_out: Mapping[str, str], likelihood: Likelihood) -> dict[str, str]:
        """The members that could serve an observation and do not begin on it, and why."""
        special = self.specialists - left_out.keys()
        changed = any(member.undoes_changes for name, member in zip(self.members, self._each()) if name in special)
        reasons = {}
        for name in self.members.keys() - left_out.keys():
            if special and name not in special and (changed or self._budgets[name]):
                reasons[name] = f"leaves this defence to {', '.join(sorted(special))}"
            elif name in self.noiseless and likelihood.is_noisy:
                reasons[name] = "does not begin under noise"
            elif name in self.partial and not likelihood.is_partial:
                reasons[name] = "begins only under noise on some entries"
        return reasons

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields each victim as soon as it is solved, and the others after the last member.

        Args:
            seen: see `Attack.reconstruct`.
            seed: see `Attack.reconstruct`.
        """
        super().check(seen)
        roles = self._roles(seen)
        self._say(roles.left_out)
        likelihood, idle = roles.likelihood, roles.left_out.keys() | roles.resting.keys()
        judge = self._judge(seen, likelihood)
        place = {number: position for position, number in enumerate(seen.ids.tolist())}
        contests = [Contest() for _ in range(len(seen))]
        for name, member in zip(self.members, self._each()):
            left = [] if name in idle else self._waiting(contests, self._budgets[name])
            if not left or not self.may_begin(name):
                continue
            self._set_up(name, len(left) / len(seen))
            for claims in member.reconstruct(seen.take(torch.tensor(left, device=seen.ids.device)), seed):
                for claim in claims.each():
                    position = place[int(claim.ids[0])]
                    found = {key: value[0] for key, value in claim.unknowns.items()}
                    judged = judge(position, claim.inputs[0], claim.labels[0], member.explained(seen, found))
                    contest = contests[position]
                    contest.enter(candidate := Candidate(name, claim, judged))
                    self.entered(candidate)
                    contest.is_solved = not likelihood.is_noisy and self._solves(candidate, seen)
                    if contest.is_solved:
                        yield contest.result()
        for contest in contests:
            if not contest.is_solved:
                yield contest.result()

    @abstractmethod
    def _judge(self, seen: Observation, likelihood: Likelihood) -> Judge:
        """What scores the claims about an observation; a lower score is a more probable claim."""

    def _waiting(self, contests: list[Contest], budget: int) -> list[int]:
        """The positions of the victims on which a member with this budget begins."""
        return [
            position
            for position, contest in enumerate(contests)
            if not contest.is_solved and contest.evaluations + budget <= self.evaluations
        ]

    def _solves(self, candidate: Candidate, seen: Observation) -> bool:
        judged, unknowns = candidate.judged, (seen.batch_size or 1) * prod(seen.task.input_shape)
        fits = judged.error < self.solved and judged.equations >= unknowns
        return fits and not candidate.claim.status[0].failed

    def _set_up(self, name: str, share: float) -> None:
        """Hands a member what the engine was told since it was built; it will have this share of the victims."""
        engine, own = self.engine, self._engines[name]
        own.watch, own.notice, own.victims = engine.watch, engine.notice, round(share * engine.victims)

    def _say(self, left_out: dict[str, str]) -> None:
        if left_out and not self._has_spoken:
            reasons = "; ".join(f"{name} ({why})" for name, why in left_out.items())
            self.engine.notice(f"attack {type(self).__name__} leaves out: {reasons}")
        self._has_spoken = True


def _always(name: str) -> bool:
    return True


def _untold(candidate: Candidate) -> None:
    """Nobody listens."""


def budget_of(member: Attack) -> int:
    """The evaluations that a member may take per victim; 0 for an attack without a budget, such as an exact one."""
    minimiser = getattr(member, "minimiser", None)
    return 0 if minimiser is None else minimiser.stop.budget * getattr(member, "restarts", 1)
