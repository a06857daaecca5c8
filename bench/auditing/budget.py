"""A budget in seconds for an attack: which members of an ensemble begin, and when the last of them ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from bench.attacks.base import Attack
from bench.attacks.ensemble import AttackEnsemble, Candidate, budget_of
from bench.engine.settings import EngineSettings
from bench.engine.slots import Slots
from bench.engine.stops import BUDGET, GO_ON, StepOutcome, Stop


@dataclass
class Clock:
    """The time of one audit, and what was left out to keep it.

    Args:
        seconds: the budget; None for no end.

    Attributes:
        tried: the members that began, in their order.
        left_out: `{member: reason}`.
        mismatch: `{member: relative distance of its claim's gradient from what was shared}`.
        cut: whether a run was ended by the budget.
    """

    seconds: float | None
    tried: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    mismatch: dict[str, float] = field(default_factory=dict)
    cut: bool = False
    _start: float = field(default_factory=time.perf_counter)
    _steps: int = 0
    _began: float = 0.0
    _pace: float | None = None

    def start(self) -> None:
        """Begins: what was imported and prepared before does not count."""
        self._start = time.perf_counter()

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; infinite without a budget."""
        return torch.inf if self.seconds is None else self.seconds - self.spent

    def step(self, progress: object) -> None:
        """Counts an evaluation of the member at work."""
        self._steps += 1

    def enter(self, candidate: Candidate) -> None:
        """Keeps what a member got."""
        self.mismatch[candidate.member] = float(candidate.judged.error)

    def affords(self, seconds: float) -> bool:
        """Whether a step of an exact attack may begin, which cannot be interrupted.

        Args:
            seconds: what it is expected to take.
        """
        if seconds < self.left:
            return True
        self.cut = True
        return False

    def may_begin(self, name: str, evaluations: int) -> bool:
        """Whether a member begins: the first that optimises always, and a later one if its evaluations fit.

        Args:
            name: of the member.
            evaluations: its budget; 0 for an exact attack, which asks `affords` before each of its steps.
        """
        if self._steps:
            # The least of all paces: a step of a second-order method holds many evaluations.
            self._pace = min(self._pace or torch.inf, (time.perf_counter() - self._began) / self._steps)
        expected = evaluations * (self._pace or 0.0)
        if self.tried and expected >= self.left:
            need = f"needs about {expected:.0f} s" if expected else "comes too late"
            self.left_out[name] = f"{need}, {max(self.left, 0.0):.0f} s are left"
            return False
        self.tried.append(name)
        self._steps, self._began = 0, time.perf_counter()
        return True


class TimedStop(Stop):
    """A stopping rule that ends a run when the budget is spent, too.

    Args:
        inner: the rule of the attack.
        clock: the time.
    """

    def __init__(self, inner: Stop, clock: Clock) -> None:
        self.inner, self.clock = inner, clock

    @property
    def budget(self) -> int:
        """That of the attack's rule."""
        return self.inner.budget

    def start(self, slots: int, device: torch.device) -> Slots:
        """See `Stop.start`."""
        return self.inner.start(slots, device)

    def clear(self, state: Slots, slots: Tensor) -> None:
        """See `Stop.clear`."""
        self.inner.clear(state, slots)

    def stuck(self, slope: Tensor) -> Tensor:
        """See `Stop.stuck`."""
        return self.inner.stuck(slope)

    def __call__(self, state: Slots, taken: StepOutcome, slots: Tensor) -> Tensor:
        """See `Stop.__call__`."""
        code = self.inner(state, taken, slots)
        if self.clock.left > 0:
            return code
        self.clock.cut = True
        return torch.where(code == GO_ON, BUDGET, code)


def keep_time(attack: Attack, clock: Clock) -> None:
    """Makes an attack keep to a clock, in place."""
    for part in attack.modules():
        if isinstance(engine := getattr(part, "engine", None), EngineSettings):
            engine.affords = clock.affords
        if (minimiser := getattr(part, "minimiser", None)) is not None:
            minimiser.stop = TimedStop(minimiser.stop, clock)
    if not isinstance(attack, AttackEnsemble):
        return
    attack.engine.watch, attack.entered = clock.step, clock.enter
    budgets = {name: budget_of(_attack(member)) for name, member in attack.members.items()}
    attack.may_begin = lambda name: clock.may_begin(name, budgets[name])


def _attack(member: nn.Module) -> Attack:
    assert isinstance(member, Attack)
    return member
