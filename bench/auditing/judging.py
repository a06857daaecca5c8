"""Compares what an attack claims with the private batch, beside controls that look at no gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from bench.auditing.kinds.base import Kind, mean_squares
from bench.auditing.private_batch import PrivateBatch
from bench.auditing.step import Step
from bench.auditing.targets import Targets
from bench.auditing.verdict import (
    TargetFinding,
    Thresholds,
    binary_found,
    classes_found,
    judged,
    mask_found,
    overall,
    real_found,
)
from bench.messages.reconstruction import Reconstruction
from bench.messages.victims import Victims
from bench.metrics.matching import pairwise_mse
from bench.metrics.scorer import UNSCORED, Scorer


@dataclass(frozen=True, eq=False)
class Claimed:
    """What an attack claims of a private batch.

    Args:
        guess: of one victim, `[1, B, C, H, W]`.
        victims: the truth.
        kind: of the inputs.
        targets: see `Targets`.
        granted: whether the attacker knew the targets.
    """

    guess: Reconstruction
    victims: PrivateBatch
    kind: Kind
    targets: Targets
    granted: bool

    @property
    def is_scored(self) -> bool:
        """Whether there is a reconstruction."""
        return self.guess.status[0] not in UNSCORED and bool(self.guess.inputs.isfinite().all())

    @property
    def truth(self) -> Tensor:
        """`[B, *packed]`."""
        return self.victims.inputs[0, :, : self.kind.packed[0]]

    def ordered(self) -> tuple[Tensor, Tensor]:
        """The claim `[B, C, H, W]` within the span, in the order of the truth, and its labels `[B]`."""
        claim, labels = self.guess.inputs[0].to(self.truth), self.guess.labels[0]
        if not self.is_scored:
            return claim, labels
        channels, claim = self.kind.packed[0], claim.clamp(*self.kind.span)
        claim = torch.cat([self.kind.hard(claim[:, :channels]), claim[:, channels:]], 1)
        pairs = pairwise_mse(claim[:, :channels], self.truth)
        order = torch.from_numpy(linear_sum_assignment(pairs.cpu().numpy())[1]).to(claim.device)
        return claim[order], labels.to(claim.device)[order]


def judge(claimed: Claimed, step: Step, thresholds: Thresholds, scorer: Scorer) -> dict[str, Any]:
    """The fields of an `Audit` that follow from the claim.

    Args:
        claimed: see `Claimed`.
        step: see `Step`.
        thresholds: see `Thresholds`.
        scorer: of the metrics of the config, for images.
    """
    kind, truth, guess = claimed.kind, claimed.truth, claimed.guess
    whole, labels = claimed.ordered()
    claim, coded = whole[:, : kind.packed[0]], whole[:, kind.packed[0] :]
    nothing = torch.full((len(truth),), torch.nan, dtype=torch.float64, device=truth.device)
    errors = mean_squares(claim, truth) if claimed.is_scored else nothing
    controls = {name: mean_squares(value, truth) for name, value in kind.controls(truth).items()}
    examples = judged(errors, controls, thresholds)
    own = kind.scores(claim, truth) if claimed.is_scored else dict.fromkeys(kind.scores(truth, truth), nothing)
    to_user = kind.to_user().to(truth.device)
    targets, guessed = _targets(claimed, step, coded, labels, thresholds)
    return {
        "scores": {**_metrics(claimed, scorer), **own},
        "inputs": to_user(claim).detach(),
        "labels": labels,
        "status": guess.status[0],
        "objective": float(guess.objective[0]),
        "evaluations": int(guess.evaluations[0]),
        "mse": errors,
        "blank": torch.stack([controls[name] for name in kind.blanks]).amin(0),
        "verdict": overall(examples, targets),
        "examples": examples,
        "targets": targets,
        "truth": step.private,
        "reasons": dict(scorer.reasons),
        "pictures": torch.stack([truth, claim]) if kind.name == "images" else None,
        "guessed_targets": guessed,
    }


def _metrics(claimed: Claimed, scorer: Scorer) -> dict[str, Tensor]:
    """The metrics of the config, which compare images in [0, 1]."""
    if claimed.kind.name != "images":
        return {}
    channels, victims = claimed.kind.packed[0], claimed.victims
    truth = Victims(victims.inputs[:, :, :channels], victims.labels, victims.ids, victims.samples, victims.repeats)
    guess = replace(claimed.guess, inputs=claimed.guess.inputs[:, :, :channels], trace={})
    return {name: value[0] for name, value in scorer(guess, truth).values.items()}


def _targets(
    claimed: Claimed, step: Step, coded: Tensor, labels: Tensor, thresholds: Thresholds
) -> tuple[TargetFinding, Tensor | None]:
    """What was found of the targets, and those that were reconstructed and are no classes."""
    known, goal = claimed.targets, step.known_targets
    if known.kind == "none" or goal is None or claimed.granted:
        return TargetFinding(known.kind, claimed.granted, 0, 0, None, False), None
    if known.kind == "classes":
        return classes_found(labels.tolist(), goal.flatten().tolist(), known.classes), None
    if not claimed.is_scored:
        return TargetFinding(known.kind, False, 0, len(goal), None, False), None
    values = known.decode(coded, claimed.kind).detach()
    if known.kind == "mask":
        places = values.argmax(1)
        return mask_found(places, goal, known.classes, thresholds.partly), places
    if known.kind == "binary":
        found = mask_found if known.spatial else None
        if found is not None:
            return found((values > 0.5).long(), (goal > 0.5).long(), 2, thresholds.partly), values
        return binary_found(values, goal), values
    center = 1 / known.channels if known.kind == "probabilities" else known.center
    return real_found(values, goal, center, thresholds.recovered, known.kind), values
