"""An audit in about ten lines of words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.auditing.defended import sentences as behind_defenses
from bench.auditing.verdict import InputFinding, Recovery, Verdict

if TYPE_CHECKING:
    from bench.auditing.report import Audit

_WIDTH = 120
_LABEL = 11  # characters of the word before each line
_UNSURE = "An attack that failed is no proof of safety: another one may succeed."


def lines(report: Audit) -> list[str]:
    """The lines of a report, each a full sentence or two behind one word."""
    found = {
        "VERDICT": headline(report),
        "Attacked": _attacked(report),
        "Attacker": _attacker(report),
        "Inputs": _inputs(report),
        "Targets": report.targets.sentence,
        "Tried": _tried(report),
        "Room left": report.room.sentence,
        "Defences": behind_defenses(report),
        "Notes": " ".join(report.notes),
        "Limits": _limits(report),
        "Next": _next(report),
    }
    gap = " " * _LABEL
    return [
        textwrap.fill(f"{word:<{_LABEL}}{text}", _WIDTH, subsequent_indent=gap, break_on_hyphens=False)
        for word, text in found.items()
        if text
    ]


def headline(report: Audit) -> str:
    """The verdict with one sentence that says what it rests on."""
    noun, count = report.setting.noun, len(report.examples)
    back = sum(one.found is Recovery.RECOVERED for one in report.examples)
    part = sum(one.found is Recovery.PARTLY for one in report.examples)
    what = []
    if back:
        what.append(f"{back} of {_count(count, noun)} {'was' if back == 1 else 'were'} recovered from the gradient")
    if part:
        what.append(f"{part} of {_count(count, noun)} {'was' if part == 1 else 'were'} found in part")
    if not back and not part:
        what.append(f"no {noun} was found")
    if report.targets.found:
        what.append("the targets were found" if report.targets.kind != "classes" else "the labels were found")
    return f"{report.verdict.value}: {', and '.join(what)}."


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s" if not noun.endswith("s") else f"{count} {noun}"


def _attacked(report: Audit) -> str:
    at = report.setting
    size = "x".join(str(n) for n in at.shape)
    sent = at.update or "the gradient of one step"
    made = f" ({at.parts})" if at.parts else ""
    behind = f", behind the defence {at.defense}" if at.defense else ""
    mode = "train" if at.training else "eval"
    return (
        f"{sent} of {at.module} ({at.parameters:,} numbers, {mode} mode) on {_count(at.batch_size, at.noun)} of "
        f"{size}{made}{behind}."
    )


def _attacker(report: Audit) -> str:
    at = report.setting
    told = [f"the threat model {at.threat} grants {', '.join(at.granted)}"]
    if at.defense:
        told.append(f"the defence is {'known' if at.defense_known else 'not known'}")
    if at.randomness:
        told.append(f"the random numbers of the step (dropout) are {at.randomness}")
    return "; ".join(told) + "."


def _inputs(report: Audit) -> str:
    words = {word: [one for one in report.examples if one.found is word] for word in Recovery}
    counts = ", ".join(f"{len(found)} {word.value}" for word, found in words.items())
    at = report.thresholds
    rule = (
        f"recovered: a mean squared error of at most {at.recovered:.0%} of the best control's; partly: at most "
        f"{at.partly:.0%}"
    )
    return f"{counts} ({rule}). {_best(report.examples)}{_categories(report)}"


def _categories(report: Audit) -> str:
    """How many cells of rows with categories are right, beside a guess of the most usual ones; empty otherwise."""
    if (found := report.scores.get("categories")) is None or not found.isfinite().all():
        return ""
    guessed, cells = (float(report.scores[name].mean()) for name in ("categories_guessed", "cells"))
    return (
        f" Of all cells, {cells:.0%} are right; of the categories, {float(found.mean()):.0%} are, and {guessed:.0%} by "
        "guessing the most usual ones."
    )


def _best(examples: Sequence[InputFinding]) -> str:
    there = [one for one in examples if not math.isnan(one.share)]
    if not there:
        return "The attack reconstructed nothing."
    best = min(there, key=lambda one: one.share)
    if math.isinf(best.share):
        return f"{best.best_control.capitalize()} is exact, so that nothing could be found beyond it."
    return f"The best has {best.share:.2g} times the error of its best control, {best.best_control}."


def _tried(report: Audit) -> str:
    took = report.effort
    budget = "" if report.setting.budget is None else f" of {report.setting.budget:.0f} s"
    best = f" The result of {took.best} was the most probable to the attacker." if len(took.tried) > 1 else ""
    cut = " The budget ended a run before its own end." if took.cut else ""
    out = f" Left out: {'; '.join(f'{name} ({why})' for name, why in took.left_out.items())}." if took.left_out else ""
    return f"{', '.join(took.tried)} in {took.seconds:.0f} s{budget}.{best}{cut}{out}"


def _limits(report: Audit) -> str:
    if report.verdict is Verdict.LEAKS:
        return ""
    more = " A larger budget= tries more." if report.effort.left_out or report.effort.cut else ""
    return f"{_UNSURE}{more}"


def _next(report: Audit) -> str:
    if report.verdict is Verdict.NOTHING_FOUND:
        return ""
    return "docs/audit.md says what to do: larger batches, a defence (defense=...), and an audit of the step with it."
