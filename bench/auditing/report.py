"""What `bench.audit` returns: the verdict with what it rests on."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.auditing.defended import Defended
from bench.auditing.room_left import RoomLeft
from bench.auditing.sentences import lines
from bench.auditing.verdict import InputFinding, Recovery, TargetFinding, Thresholds, Verdict
from bench.messages.status import Status


@dataclass(frozen=True)
class AuditSetting:
    """What was attacked, and what the attacker was told.

    Args:
        module: the class of the module.
        kind: of the inputs, a plural noun.
        noun: of one of them.
        batch_size: B.
        shape: of an input.
        parameters: entries of the gradient.
        training: whether the module was in train mode.
        threat: the threat model's letter.
        granted: what it grants, in words.
        defense: the client's defence; empty for none.
        defense_known: whether the attacker knows it.
        randomness: `known`, `unknown`, or empty if the step draws no random numbers.
        attack: its name.
        budget: in seconds; None for no end.
        update: what was sent, if it was not the gradient of this batch computed here.
        categories: of rows of a table, the columns of each category, if any are known.
    """

    module: str
    kind: str
    noun: str
    batch_size: int
    shape: tuple[int, ...]
    parameters: int
    training: bool
    threat: str
    granted: tuple[str, ...]
    defense: str
    defense_known: bool
    randomness: str
    attack: str
    budget: float | None
    update: str = ""
    categories: tuple[tuple[int, ...], ...] = ()

    @property
    def parts(self) -> str:
        """What a row of a table with categories is made of: `3 values and 2 categories`; empty for other inputs."""
        if not (count := len(self.categories)):
            return ""
        values = self.shape[0] - sum(map(len, self.categories))
        named = f"{count} {'category' if count == 1 else 'categories'}"
        return f"{values} value{'' if values == 1 else 's'} and {named}" if values else named


@dataclass(frozen=True)
class Effort:
    """What the attack took.

    Args:
        seconds: of the attack.
        tried: the members that began; the attack itself if it is no ensemble.
        left_out: `{member: reason}`.
        best: whose result was returned, by the attacker's own objective.
        cut: whether the budget ended a run.
        mismatch: `{member: distance}`, of the gradient of its claim from what was shared, relative to the latter.
    """

    seconds: float
    tried: tuple[str, ...]
    left_out: Mapping[str, str]
    best: str
    cut: bool
    mismatch: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Audit:
    """What an attacker gets who sees the gradient of one training step. `print` shows about ten lines.

    Args:
        scores: `{score: [B]}`, of the kind of inputs, and the metrics of the config for images; NaN marks an undefined
            score (see `reasons`).
        inputs: `[B, ...]`, the reconstruction in the user's units, in the order of the batch.
        labels: `[B]`, the classes that the attack claims (-1: none).
        status: how the attack ended.
        objective: the attacker's own objective at its result.
        evaluations: the number of evaluations of the objective and its gradient.
        mse: `[B]`, the mean squared error of each input in the attacker's units ([0, 1] for images; a deviation is 0.3
            for others); NaN if there is no reconstruction.
        blank: `[B]`, the lowest mean squared error of controls that know an even input: for images, gray and the
            image's own mean colour.
        reasons: `{score: sentence}` for scores that cannot be computed here.
        verdict: of the whole.
        examples: what was found of each input.
        targets: what was found of the targets.
        thresholds: by which the verdict was made.
        room: how far the gradient determines its inputs, whatever attacks find.
        setting: what was attacked.
        effort: what it took.
        notes: sentences that a reader must know.
        truth: `[B, ...]`, the private inputs in the user's units; never part of `to_dict`.
        pictures: `[2, B, C, H, W]` in [0, 1], truth and reconstruction of images; None for other kinds.
        defended: audits of the same step behind defences, if any were asked for.
        guessed_targets: the targets that were reconstructed and are no classes, as the batch has them; else None.
    """

    scores: dict[str, Tensor]
    inputs: Tensor
    labels: Tensor
    status: Status
    objective: float
    evaluations: int
    mse: Tensor
    blank: Tensor
    verdict: Verdict
    examples: tuple[InputFinding, ...]
    targets: TargetFinding
    thresholds: Thresholds
    room: RoomLeft
    setting: AuditSetting
    effort: Effort
    truth: Tensor
    reasons: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pictures: Tensor | None = None
    guessed_targets: Tensor | None = None
    defended: tuple[Defended, ...] = ()

    @property
    def leaks(self) -> bool:
        """Whether any input was recovered, at least in part; the labels do not count (see `verdict`)."""
        return not self.status.failed and any(one.found is not Recovery.NOT for one in self.examples)

    def __str__(self) -> str:
        return "\n".join(lines(self))

    __repr__ = __str__

    def to_html(self, path: str | os.PathLike[str], pictures: bool = True) -> Path:
        """Writes the audit as one page that loads nothing from anywhere, and returns where it is.

        Args:
            path: the file; its folder is made if it does not exist.
            pictures: whether the private inputs and what came back of them are on the page.

        Raises:
            UserError: the file cannot be written.
        """
        from bench.auditing.page import write  # jinja2 is needed by this method alone

        return write(self, Path(path), pictures)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `json.dumps`: everything but inputs, reconstructions and the truth; NaN becomes None."""
        found = {
            "verdict": self.verdict.value,
            "examples": [{**asdict(one), "found": one.found.value, "share": one.share} for one in self.examples],
            "targets": {**asdict(self.targets), "sentence": self.targets.sentence},
            "thresholds": asdict(self.thresholds),
            "room_left": {**asdict(self.room), "sentence": self.room.sentence},
            "setting": asdict(self.setting),
            "effort": asdict(self.effort),
            "scores": {name: value.tolist() for name, value in self.scores.items()},
            "reasons": dict(self.reasons),
            "status": self.status.value,
            "objective": self.objective,
            "evaluations": self.evaluations,
            "notes": list(self.notes),
            "defended": [asdict(one) for one in self.defended],
            "sentences": lines(self),
        }
        plain: dict[str, Any] = _plain(found)
        return plain


def _plain(value: Any) -> Any:
    """The same without tuples and without numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
