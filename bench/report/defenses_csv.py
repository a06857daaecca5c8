"""The table of defences for a program: one line per defence and attack."""

from collections.abc import Sequence
from typing import Any

from bench.modalities.scale import LeakageScale
from bench.report import adaptive, identification_column, label_column, limit_column, worst_case_column
from bench.report.table import Column, Line, Table
from bench.results import verification
from bench.results.defense_result import DefenseBoard
from bench.results.leaks import LeakageScore
from bench.results.scores import OTHERS, RECOVERED

_OF_LEAKS = ["data", "model", "threat", "rank", "p", "defense", "strength", "attack", "worst", "victims"]
_OF_PRICES = [
    "trained_model",
    "schedule",
    "runs",
    "diverged",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "tested",
    "runs_low",
    "runs_high",
]
_OF_STEPS = [
    "steps",
    "seconds_per_step",
    "slowdown",
    "bytes_per_step",
    "encoding",
    "sampling",
    "optimiser",
    "lr",
    "momentum",
    "batch_size",
    "epochs",
    "epsilon",
    "delta",
]
_OF_FIGURES = [
    "leak_method",
    "leak_recovered_median",
    "leak_recovered_n",
    "leak_others_median",
    "leak_others_n",
    "success_method",
    "failed",
    "accuracy_method",
]


def raw(boards: Sequence[DefenseBoard]) -> Table:
    """One line per defence and attack, for a program; what a defence costs is repeated in each of its lines."""
    scales = dict.fromkeys(board.scale for board in boards)
    measured = [name for scale in scales for name in _named(scale)]
    keys = [*_OF_LEAKS, *measured, "epsilon_step", *_OF_PRICES, *_OF_STEPS, *_OF_FIGURES]
    keys += [*limit_column.RAW, *worst_case_column.RAW, *identification_column.RAW, *adaptive.RAW, *label_column.RAW]
    keys += ["origin", "identity"]
    lines = []
    for board in boards:
        for line in board.lines:
            for each in line.leaks:
                cells = [board.data, board.model, each.cell.facts["labels"]["threat"], line.rank, line.p, line.name]
                cells += [line.strength, each.attack, int(each is line.worst), len(each.victims)]
                numbers = _numbers(each, board.scale)
                cells += [numbers.get(name) for name in measured]
                found = [line.facts.get("epsilon"), *_raw(line.utility)]
                found += [*_of_figures(each, line.utility), *limit_column.raw(line)]
                found += [*worst_case_column.raw(line, board), *identification_column.raw(line), *adaptive.raw(line)]
                found += label_column.raw(line)
                lines.append(Line([*cells, *found, verification.mark(each.cell.folder), each.cell.identity]))
    return Table([Column(key=key) for key in keys], lines)


def _named(scale: LeakageScale) -> list[str]:
    """The columns of a scale: its score and its rate, with their intervals."""
    score, rate = scale.columns
    short = rate.partition("_1e")[0]
    return [score, f"{score}_low", f"{score}_high", rate, f"{short}_low", f"{short}_high"]


def _numbers(leak: LeakageScore, scale: LeakageScale) -> dict[str, float | None]:
    score, rate = leak.figure.figure, leak.success
    return dict(zip(_named(scale), [score.mean, score.low, score.high, rate.mean, rate.low, rate.high]))


def _of_figures(leak: LeakageScore, utility: dict[str, Any] | None) -> list[Any]:
    """What the figures are and how their bounds were found; the medians of two groups, where those have none."""
    medians = [leak.figure.groups.get(name) for name in (RECOVERED, OTHERS)]
    shown = [part for group in medians for part in ((group.mean, group.n) if group else (None, None))]
    accuracy = (utility or {}).get("accuracy") or {}
    return [leak.figure.figure.method, *shown, leak.success.method, leak.failed, accuracy.get("method")]


def _raw(utility: dict[str, Any] | None) -> list[Any]:
    if utility is None:
        return [None] * (len(_OF_PRICES) + len(_OF_STEPS))
    accuracy, runs = utility["accuracy"] or {}, utility["over_runs"]
    head = [utility["model"], utility["schedule"], utility["runs"], utility["diverged"]]
    head += [accuracy.get(part) for part in ("mean", "low", "high", "n")]
    return [*head, runs["low"], runs["high"], *(utility[name] for name in _OF_STEPS)]
