"""The verdict of an audit: what was found of each input, of the targets, and of the whole."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_GUESSED = 0.1  # labels count as found if guessing gets as many right with at most this probability
_EXACT = 1e-12  # mean squared error that rounding leaves
_DRAWS = 4000  # of guessed batches, by which that probability is estimated


class Verdict(enum.Enum):
    """What an audit says of a step as a whole; no value of it means that a step is safe."""

    LEAKS = "LEAKS"
    PARTLY = "PARTLY"
    NOTHING_FOUND = "NOTHING FOUND"


class Recovery(enum.Enum):
    """What was found of one input."""

    RECOVERED = "recovered"
    PARTLY = "partly"
    NOT = "not"


@dataclass(frozen=True)
class Thresholds:
    """The errors, relative to the best control's, up to which an input counts as found.

    Args:
        recovered: share at or below which it is recovered, in (0, partly].
        partly: share at or below which it is found in part, below 1.
    """

    recovered: float
    partly: float

    def __post_init__(self) -> None:
        if not 0 < self.recovered <= self.partly < 1:
            raise ValueError(f"recovered={self.recovered}, partly={self.partly}: want 0 < recovered <= partly < 1")

    def judge(self, share: float) -> Recovery:
        """The word for an error of this share; NaN, where nothing was reconstructed, is `not`."""
        if share <= self.recovered:
            return Recovery.RECOVERED
        return Recovery.PARTLY if share <= self.partly else Recovery.NOT


@dataclass(frozen=True)
class InputFinding:
    """What was found of one input.

    Args:
        found: see `Recovery`.
        error: mean squared error of the reconstruction, in the attacker's units.
        control: that of the best control.
        best_control: its name.
    """

    found: Recovery
    error: float
    control: float
    best_control: str

    @property
    def share(self) -> float:
        """The error over the best control's; NaN if nothing was reconstructed, infinite if a control is exact."""
        if math.isnan(self.error):
            return math.nan
        return self.error / self.control if self.control > _EXACT else math.inf


def judged(errors: Tensor, controls: dict[str, Tensor], thresholds: Thresholds) -> tuple[InputFinding, ...]:
    """Compares the error of each input with that of the control that is best for it.

    Args:
        errors: `[B]`, NaN where nothing was reconstructed.
        controls: `{name: [B]}`, their errors.
        thresholds: see `Thresholds`.
    """
    found = []
    for place, error in enumerate(errors.tolist()):
        best, control = min(((name, float(value[place])) for name, value in controls.items()), key=lambda one: one[1])
        one = InputFinding(Recovery.NOT, error, control, best)
        found.append(InputFinding(thresholds.judge(one.share), error, control, best))
    return tuple(found)


@dataclass(frozen=True)
class TargetFinding:
    """What was found of the targets of a batch.

    Args:
        kind: of the targets, see `bench.auditing.targets.Targets`.
        granted: whether the attacker was told them.
        right: how many are right; for real targets, how many have an error of at most the threshold.
        total: how many there are.
        chance: the probability that as many are right by guessing; None where nothing is guessed.
        found: whether they count as found.
    """

    kind: str
    granted: bool
    right: int
    total: int
    chance: float | None
    found: bool

    @property
    def sentence(self) -> str:
        """In words."""
        if self.kind == "none":
            return "The step has no targets apart from its inputs."
        word = {"classes": "labels", "mask": "places of the masks", "binary": "target entries"}.get(
            self.kind, "targets"
        )
        if self.granted:
            return f"The {word} were granted to the attacker, so nothing is said of them."
        right = f"{self.right} of {self.total} {word} are right"
        if self.chance is None:
            return f"{right}{'' if self.found else ', which does not count as found'}."
        odds = f"guessing gets as many with probability {self.chance:.2g}"
        if not self.right:
            return f"{right}."
        return f"{right}; {odds}{'' if self.found else ', so they do not count as found'}."


def classes_found(claimed: Sequence[int], truth: Sequence[int], classes: int) -> TargetFinding:
    """Compares the labels of a batch without their order, since a gradient has none.

    Args:
        claimed: the attack's labels, -1 for no claim.
        truth: the labels.
        classes: K.
    """
    total = len(truth)
    right = _common(torch.tensor([claimed]), torch.tensor([truth]), classes)[0]
    if total == 1:
        chance = 1 / classes if right else 1.0
    else:
        drawn = torch.randint(classes, (_DRAWS, total), generator=torch.Generator().manual_seed(0))
        chance = float((_common(drawn, torch.tensor([truth]), classes) >= right).double().mean())
    return TargetFinding("classes", False, int(right), total, chance, bool(right) and chance <= _GUESSED)


def _common(claimed: Tensor, truth: Tensor, classes: int) -> Tensor:
    """How many labels two batches have in common, `[N, B]` and `[1, B]` -> `[N]`."""
    ours, theirs = (torch.nn.functional.one_hot(value + 1, classes + 1).sum(1)[:, 1:] for value in (claimed, truth))
    return torch.minimum(ours, theirs).sum(1)


def binary_found(claimed: Tensor, truth: Tensor) -> TargetFinding:
    """Compares targets of zeros and ones; guessing gets each right with probability 1/2."""
    right, total = int(((claimed > 0.5) == (truth > 0.5)).sum()), truth.numel()
    chance = sum(math.comb(total, k) for k in range(right, total + 1)) / 2**total
    return TargetFinding("binary", False, right, total, chance, chance <= _GUESSED)


def mask_found(claimed: Tensor, truth: Tensor, classes: int, partly: float) -> TargetFinding:
    """Compares masks: found if the wrong places are at most this share of those of the best even mask.

    Args:
        claimed: `[B, ...]`, class indices.
        truth: `[B, ...]`.
        classes: K.
        partly: the threshold.
    """
    total = truth.numel()
    right, even = int((claimed == truth).sum()), int(torch.bincount(truth.flatten(), minlength=classes).max())
    return TargetFinding("mask", False, right, total, None, total - right <= partly * (total - even) and total > even)


def real_found(claimed: Tensor, truth: Tensor, center: float, recovered: float, kind: str) -> TargetFinding:
    """Compares real targets: an example's are found if their squared error is at most this share of the center's.

    Args:
        claimed: `[B, ...]`.
        truth: `[B, ...]`.
        center: what an attacker knows beforehand.
        recovered: the threshold.
        kind: of the targets.
    """
    error, blind = ((value - truth).double().square().reshape(len(truth), -1).sum(1) for value in (claimed, center))
    right = int((error <= recovered * blind).sum())
    return TargetFinding(kind, False, right, len(truth), None, right > 0)


def overall(inputs: Sequence[InputFinding], targets: TargetFinding) -> Verdict:
    """The verdict on the step: LEAKS if an input is recovered, PARTLY if one is in part or the targets are found."""
    words = {one.found for one in inputs}
    if Recovery.RECOVERED in words:
        return Verdict.LEAKS
    return Verdict.PARTLY if Recovery.PARTLY in words or targets.found else Verdict.NOTHING_FOUND
