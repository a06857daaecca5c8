"""Carries out an audit: reads the step, shares its gradient, attacks it within the budget, and judges the result."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from bench.attacks.base import Attack
from bench.auditing.attacked import PREFIX, Attacked, attacked, check_same
from bench.auditing.budget import Clock, keep_time
from bench.auditing.categories import represent
from bench.auditing.judging import Claimed, judge
from bench.auditing.kinds.base import Kind, Knowledge
from bench.auditing.kinds.lookup import kind_of
from bench.auditing.private_batch import PrivateBatch
from bench.auditing.quiet import quiet
from bench.auditing.report import Audit, AuditSetting, Effort
from bench.auditing.room_left import RoomLeft, room_left
from bench.auditing.sent import Sent
from bench.auditing.step import Step, drawn_again, read_step
from bench.auditing.targets import Targets, targets_of
from bench.auditing.verdict import Thresholds
from bench.client import Client
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.defenses.base import Defense
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.leakage import claims, completed
from bench.messages.data_facts import DataFacts
from bench.metrics.scorer import Scorer
from bench.running.components import defense_of
from bench.running.limit_cell import noise_of
from bench.threat import Threat

_FOR_ATTACKS = 0.8  # share of the budget; the rest is for the Jacobian
_APART = 0.01  # relative distance from which what was sent is said to differ from what the batch gives
_UNBOUNDED_ROOM = 30.0  # seconds for the Jacobian if there is no budget
_GRANTS = {
    "buffers": "the model with its buffers",
    "batch_size": "the batch size",
    "input_range": "the range of inputs",
    "classes": "the number of classes",
    "labels": "the targets",
    "local_training": "the local training",
}


@dataclass(frozen=True, eq=False)
class AuditRequest:
    """What was asked for; the fields are the arguments of `bench.audit`."""

    module: nn.Module
    loss: Any
    batch: Any
    inputs: object
    targets: object
    attack: str
    kind: str | None
    knowledge: Knowledge
    target_mean: float
    target_std: float
    randomness: str
    defense: str | None
    budget: float | None
    thresholds: Thresholds
    overrides: tuple[str, ...]
    seed: int
    sent: Sent | None

    def config(self, settings: tuple[str, ...] = ()) -> Any:
        """The composed config.

        Args:
            settings: of the kind of inputs; they come before the user's own.
        """
        mine = [] if self.defense is None else [f"defense={self.defense}"]
        if self.sent is not None:
            mine += [one for one in self.sent.settings if not _set_anew(one, self.overrides)]
        if self.defense is not None and not any(one.startswith("threat=") for one in self.overrides):
            mine.append("threat=adaptive")
        return compose([f"attack={self.attack}", f"seed={self.seed}", *settings, *mine, *self.overrides])


def _set_anew(setting: str, overrides: tuple[str, ...]) -> bool:
    """Whether an override sets the same key."""
    return any(one.split("=")[0] == setting.split("=")[0] for one in overrides)


def carried_out(request: AuditRequest) -> Audit:
    """Carries out an audit; all random generators are as before when it ends.

    Raises:
        UserError: see `bench.audit`.
    """
    clock = Clock(None if request.budget is None else _FOR_ATTACKS * request.budget)
    with quiet() as printed:
        report = _Work(request, clock).report()
    if printed.getvalue():
        report = replace(report, notes=(*report.notes, "The module prints; what it printed was held back."))
    return report


class _Work:
    """One audit.

    Args:
        request: see `AuditRequest`.
        clock: of the attack.
    """

    def __init__(self, request: AuditRequest, clock: Clock) -> None:
        self.request, self.clock = request, clock
        cfg = request.config()
        self.step = read_step(
            request.module, request.loss, request.batch, request.inputs, request.targets, cfg.model.get("shared")
        )
        self.kind = kind_of(request.kind, self.step.private, request.knowledge)
        known = request.attack == "strongest"
        self.cfg = request.config(self.kind.settings) if known and self.kind.settings else cfg
        self.threat: Threat = instantiate(self.cfg.threat, "threat")
        self.targets = _targets(self.step, self.kind, request)
        self.inputs, self.labels = self._coded()
        self.engine = EngineSettings(
            chunk=1, threads=torch.get_num_threads(), compile=False, precision=self.cfg.engine.dtype
        )
        tape = self.step.tape
        own = self._attacked(tape)
        check_same(own, self.step, self.inputs, self.labels)
        self.client = self._client(own)
        self.victims = PrivateBatch.of(self.inputs, self.labels)
        self.observed = self.client.share(self.victims)
        if tape is not None and request.randomness == "unknown":
            other = self._client(self._attacked(drawn_again(self.step)))
            self.observed = replace(self.observed, task=other.share(self.victims).task)
        self.distance = self._take_sent(request.sent) if request.sent else 0.0

    def _take_sent(self, sent: Sent) -> float:
        """Puts what was sent in the place of what is computed here, and returns the distance between the two."""
        simulated = self.observed.gradients
        there = {name: sent.update[name.removeprefix(PREFIX)].to(value)[None] for name, value in simulated.items()}
        self.observed = replace(self.observed, gradients=there)
        return sent.distance({name.removeprefix(PREFIX): value[0] for name, value in simulated.items()})

    def _attacked(self, tape: Any) -> Attacked:
        return attacked(self.step, self.kind, self.targets, self._grants_targets, tape)

    @property
    def _grants_targets(self) -> bool:
        return self.threat.labels

    def _coded(self) -> tuple[Tensor, Tensor]:
        """What the attack has to reconstruct, `[B, C, H, W]`, and the labels `[B]` (0 if there are no classes)."""
        inputs, goal = self.kind.pack(self.step.private), self.step.known_targets
        labels = torch.zeros(len(inputs), dtype=torch.long, device=inputs.device)
        if goal is None or self.targets.kind == "none":
            return inputs, labels
        if self.targets.kind == "classes":
            return inputs, goal.reshape(len(inputs)).long()
        if self._grants_targets:
            return inputs, labels
        return torch.cat([inputs, self.targets.encode(goal, self.kind).to(inputs)], 1), labels

    def _client(self, found: Attacked, dtype: torch.dtype | None = None) -> Client:
        """The client; targets that are no classes are no labels for an attack to find."""
        threat = self.threat if self.targets.kind == "classes" else replace(self.threat, labels=True)
        client = Client(
            lambda: copy.deepcopy(found.model),
            found.loss,
            per_victim=False,
            mode="train" if found.model.training else "eval",
            defense=defense_of(self.cfg.defense),
            threat=threat,
            data=DataFacts(found.shape, self.targets.classes, None, input_range=self.kind.span),
            batch_size=len(self.inputs),
            seed=self.cfg.seed,
            grant_mean=False,
            dtype=dtype or self.engine.dtype,
            info=found.info,
        )
        return client.to(self.inputs.device)

    def report(self) -> Audit:
        """Attacks, and judges what came back."""
        attacker: Attack = instantiate(self.cfg.attack, "attack", engine=self.engine)
        notices: list[str] = []
        self.engine.notice = notices.append
        own = self.kind.variables(self.inputs.shape[1] - self.kind.packed[0])
        if own is not None:
            represent(attacker, own)
        keep_time(attacker, self.clock)
        self.clock.start()
        (guess,) = list(claims(attacker, self.observed, self.cfg.seed))
        effort = Effort(
            seconds=self.clock.spent,
            tried=tuple(self.clock.tried) or (self.request.attack,),
            left_out=dict(self.clock.left_out),
            best=guess.member[0] if guess.member else self.request.attack,
            cut=self.clock.cut,
            mismatch=dict(self.clock.mismatch),
        )
        metrics = {name: instantiate(node, f"metric.{name}") for name, node in self.cfg.metric.items()}
        claimed = Claimed(
            completed(guess, len(self.inputs)), self.victims, self.kind, self.targets, self._grants_targets
        )
        found = judge(claimed, self.step, self.request.thresholds, Scorer(metrics))
        return Audit(
            **found,
            thresholds=self.request.thresholds,
            room=self._room(),
            setting=self._setting(),
            effort=effort,
            notes=tuple(self._notes()),
        )

    def _room(self) -> RoomLeft:
        seconds = _UNBOUNDED_ROOM
        if self.request.budget is not None:
            seconds = max(self.request.budget - self.clock.spent, (1 - _FOR_ATTACKS) * self.request.budget)
        try:
            exact = self._client(replace(self._attacked(self.step.tape), info=self.client.facts), torch.float64)
            std = noise_of(exact)
        except NotApplicable as reason:
            return RoomLeft(str(reason))
        channels, (scale, unit) = self.kind.packed[0], self.kind.unit
        return room_left(exact, self.victims, channels, std, scale, unit, seconds, self.kind.name == "images")

    def _setting(self) -> AuditSetting:
        request, private = self.request, self.step.private
        parts = [] if request.sent else self.client.defense.flat(self.client.runner.context)
        threat = self.threat
        return AuditSetting(
            module=type(request.module).__name__,
            kind=self.kind.name,
            noun=self.kind.noun,
            batch_size=len(private),
            shape=tuple(private.shape[1:]),
            parameters=self.client.facts.parameters,
            training=self.step.module.training,
            threat=threat.letter,
            granted=tuple(self._granted()),
            defense=" and ".join(_in_words(part) for part, _ in parts),
            defense_known=threat.defense_known,
            randomness="" if self.step.tape is None else request.randomness,
            attack=request.attack,
            budget=request.budget,
            update=request.sent.words if request.sent else "",
            categories=self.kind.groups,
        )

    def _granted(self) -> Iterator[str]:
        for name, words in _GRANTS.items():
            if getattr(self.threat, name):
                yield self.kind.told if name == "input_range" else words
        if others := self.step.others:
            yield f"the rest of the batch ({', '.join(map(repr, others))})"

    def _notes(self) -> Iterator[str]:
        if self.kind.note:
            yield f"{self.kind.note[0].upper()}{self.kind.note[1:]}."
        if self.distance > _APART:
            yield (
                f"What was sent differs by {self.distance:.0%} from what this batch gives here (another schedule, "
                "dropout drawn otherwise, a defence, or another batch)."
            )
        refusal = self.observed.task.hard_labels
        if self.targets.kind == "classes" and refusal and len(self.inputs) > 1 and not self._grants_targets:
            yield f"Labels of a batch could not be optimised with the inputs, because {refusal}."


def _in_words(part: Defense) -> str:
    """A defence with its parameters, without seeds: `Gaussian (std=0.1)`."""
    own = {f.name: getattr(part, f.name) for f in fields(part) if f.name != "seed"}  # type: ignore[arg-type]
    given = ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in own.items()
        if value is not None
    )
    return f"{type(part).__name__} ({given})" if given else type(part).__name__


def _targets(step: Step, kind: Kind, request: AuditRequest) -> Targets:
    goal = step.known_targets
    output = None
    if goal is not None and step.call is None and step.loss is not None:
        with torch.no_grad():
            output = copy.deepcopy(step.module)(step.private)
    return targets_of(step.call, goal, output, kind, request.target_mean, request.target_std)
