"""Defences by their worst case over attacks, beside what they cost: markdown, csv, and plain text for a terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.report.hypotheses import judged
from bench.report.leaderboard import marks
from bench.report.tables import csv_lines, explained, how_found, markdown_table, md, number, with_bounds
from bench.results.intervals import COVERAGE, MARKS, methods
from bench.results.join import DefenseBoard, DefenseResult
from bench.results.leaks import COMPLETE, SUCCESS, LeakageScale, LeakageScore
from bench.results.scores import OTHERS, RECOVERED
from bench.results.things import IMAGES, SENTENCES
from bench.terminal.printable import visible

# columns of the csv
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
_ATTACK_WIDTH = 20  # of a header in a terminal
# what the score of a leak is, where it ends, what bounds it from below, and what the columns of attacks count
_SCORES = {
    IMAGES: (
        "PSNR",
        f"40 dB (MSE {COMPLETE:g}: nothing is left to hide)",
        "the data set's mean image",
        f"share of images that came back with an MSE at or below {SUCCESS:g}",
    ),
    SENTENCES: (
        "ROUGE-1 (F-measure of the words in common, 0 to 1)",
        "1",
        "noise, tokens drawn at random,",
        "share of sentences that came back token for token",
    ),
}


def markdown(boards: Sequence[DefenseBoard], pictures: dict[str, str]) -> str:
    """The page.

    Args:
        boards: what to print.
        pictures: `{words: link}`, relative to the page.
    """
    lines = ["# Defences and what they cost", ""]
    for board in boards:
        lines += [f"## {md(heading(board))}", "", *_table(board), ""]
        if found := judged(board):
            header = ["claim", "as measured here", "figures"]
            rows = [[md(one.claim), one.verdict, md(one.evidence)] for one in found]
            lines += ["### What is claimed of them", "", *markdown_table(header, "lll", rows), ""]
        lines += ["### Notes", "", *(f"- {md(line)}" for line in foot(board)), ""]
    lines += [f"![{md(words)}]({link})\n" for words, link in pictures.items()]
    return "\n".join(lines)


def heading(board: DefenseBoard) -> str:
    """Which data set, model and threat models a board is about."""
    plural = "s" if len(board.threats) > 1 else ""
    batch = f", batches of {board.batch}" if (board.batch or 1) > 1 else ""
    return f"{board.data}{batch}, model {board.model}, threat model{plural} {', '.join(board.threats)}"


def _table(board: DefenseBoard) -> list[str]:
    header = [
        "rank",
        "defence",
        "worst attack",
        f"leak, mean ↓ ({board.scale.header})",
        *(f"{md(name)}, rate ↓" for name in board.attacks),
    ]
    header += ["accuracy, rate ↑", "of runs", "time (ms per step)", "sent (bytes per step)", "ε, step", "ε, training"]
    rows = []
    for line in board.lines:
        leak = with_bounds(line.worst.figure.document(), board.scale.places)
        row = [str(line.rank), md(line.title), md(line.worst.attack), leak]
        row += [_success(line, attack) for attack in board.attacks]
        found, *others = utility_columns(line, board, with_bounds)
        rows.append([*row, found if line.utility and line.utility["accuracy"] else md(found), *others])
    return markdown_table(header, "rll" + "r" * (len(header) - 3), rows)


def _success(line: DefenseResult, attack: str) -> str:
    leak = line.by(attack)
    return "n/a" if leak is None else number(leak.success.mean, 2)


def utility_columns(
    line: DefenseResult, board: DefenseBoard, with_bounds: Callable[[Mapping[str, Any], int], str]
) -> list[str]:
    """Six cells: accuracy, the runs' own spread, time and bytes per step (with their ratio to no defence), epsilons.

    Args:
        line, board: what is printed.
        with_bounds: `(entry of a summary, places)` -> text.
    """
    step = number_or(line.facts.get("epsilon"), "-")
    utility = line.utility
    if utility is None or utility["accuracy"] is None:
        return [utility["reasons"]["cell"] if utility and utility["reasons"] else "n/a", "", "", "", step, ""]
    accuracy, runs = utility["accuracy"], utility["over_runs"]
    spread = "n/a" if runs["low"] is None else f"±{(runs['high'] - runs['low']) / 2:.3f} ({runs['n']})"
    milliseconds = f"{1e3 * utility['seconds_per_step']:.1f}" + _times(utility["slowdown"])
    base = board.undefended.utility if board.undefended else None
    share = utility["bytes_per_step"] / base["bytes_per_step"] if base and base["bytes_per_step"] else None
    sent = number(utility["bytes_per_step"], 0) + _times(share)
    left = with_bounds(accuracy, 3) + (f" ({utility['diverged']} diverged)" if utility["diverged"] else "")
    return [left, spread, milliseconds, sent, step, number_or(utility["epsilon"], "-")]


def number_or(value: float | None, otherwise: str) -> str:
    """Three significant digits, or a word."""
    return otherwise if value is None else number(value, None)


def _times(ratio: float | None) -> str:
    return "" if ratio is None or abs(ratio - 1) < 0.005 else f" (×{ratio:.2g})"


def foot(board: DefenseBoard) -> list[str]:
    """What a reader must know to compare the figures."""
    score, end, control, counted = _SCORES[board.scale.things]
    used = "".join(marks(line.worst.figure.document()) for line in board.lines)
    floor = f", and below at what {control} scores, which looks at no gradient" if board.floored else ""
    lines = [
        f"Leak: {score} of the reconstructions of the attack that gets most (the worst case over all attacks in the "
        f"table, adaptive ones included), the mean over victims. It ends at {end}{floor}. "
        "A failed victim has the lowest leak there is, and none of its samples is recovered, whatever it left.",
        f"Columns of attacks: {counted}.",
        methods(errors=False),
        COVERAGE,
        *(f"{mark} {MARKS[mark]}." for mark in MARKS if mark in used),
        "Rank 1 leaks least. Ranks are shared where a sign-flip permutation test over the same victims (two-sided, "
        "5 %, not corrected for the number of comparisons) does not separate a line from the one that leads its rank.",
    ]
    if board.training:
        lines += [
            f"Accuracy is of a model trained under the defence: {board.training}, one client a step, the same schedule "
            "with every defence; the mean of the runs, with Wilson's 95 % interval over the test images. "
            "Of runs: half the width of Student's 95 % interval for the mean of the runs (how many).",
            "Sent: the smallest of dense values, bitmap and values, indices and values, tensor by tensor. "
            "Time: wall time of a whole training step on this machine; in brackets how many times as long the client "
            "takes for what it shares as for the plain gradient, both timed in turn.",
        ]
    elif board.scale.things == SENTENCES:
        lines.append("No accuracy or time beside a leak: what `leakbench train` trains are classifiers of images.")
    trained_with = next((line.utility for line in board.lines if line.utility), None)
    if trained_with and trained_with["model"] != board.model:
        lines.append(
            f"The model that is trained ({trained_with['model']}) is not the one that is attacked ({board.model})."
        )
    sampled = [line for line in board.lines if line.utility and line.utility["sampling"] == "poisson"]
    if sampled:
        lines.append(
            "ε of a shared step: its batch is known to have taken part; ε of the training: Poisson sampling "
            f"(Rényi accountant, δ = {sampled[0].utility['delta']:g})."  # type: ignore[index]
        )
    for line in board.lines:
        lines += [f"{line.title}: {note}" for note in line.facts.get("notes") or []]
        lines += [f"{line.title}, {attack}: {reason}" for attack, reason in line.unserved.items()]
    return list(dict.fromkeys(lines))


def csv_text(boards: Sequence[DefenseBoard]) -> str:
    """Raw numbers, a line a defence and attack; what a defence costs is repeated in each of its lines."""
    scales = list({board.scale.things: board.scale for board in boards}.values())
    measured = [name for scale in scales for name in _named(scale)]
    header = [*_OF_LEAKS, *measured, "epsilon_step", *_OF_PRICES, *_OF_STEPS, *_OF_FIGURES, "identity"]
    lines: list[list[Any]] = [header]
    for board in boards:
        for line in board.lines:
            for each in line.leaks:
                row = [board.data, board.model, each.cell.facts["labels"]["threat"], line.rank, line.p, line.name]
                row += [line.strength, each.attack, int(each is line.worst), len(each.victims)]
                numbers = _numbers(each, board.scale)
                row += [numbers.get(name) for name in measured]
                found = [line.facts.get("epsilon"), *_raw(line.utility), *_of_figures(each, line.utility)]
                lines.append([*row, *found, each.cell.identity])
    return csv_lines(lines)


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


def text(boards: Sequence[DefenseBoard]) -> str:
    """A short table a board, for a terminal, and how the figures were found below the last."""
    return "\n\n".join([*(_text(board) for board in boards), how_found(())])


def _text(board: DefenseBoard) -> str:
    attacks = [name if len(name) <= _ATTACK_WIDTH else name[: _ATTACK_WIDTH - 1] + "…" for name in board.attacks]
    header = ["rank", "defence", "worst attack", f"leak {board.scale.header}↓", *(f"{name}↓" for name in attacks)]
    lines = [[*header, "accuracy↑", "bytes"]]
    used: set[str] = set()
    for line in board.lines:
        document = line.worst.figure.document()
        leak = number(document["mean"], board.scale.places) + marks(document)
        used.update(marks(document))
        row = [str(line.rank), visible(line.title), visible(line.worst.attack), leak]
        row += [_success(line, attack) for attack in board.attacks]
        utility = line.utility if line.utility and line.utility["accuracy"] else None
        row += (
            [number(utility["accuracy"]["mean"], 3), number(utility["bytes_per_step"], 0)] if utility else ["n/a", ""]
        )
        lines.append(row)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    printed = []
    for words in lines:
        cells = [word.ljust(w) if at in (1, 2) else word.rjust(w) for at, (word, w) in enumerate(zip(words, widths))]
        printed.append("  ".join(cells).rstrip())
    printed.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    printed += [line for mark in MARKS if mark in used for line in explained(mark).splitlines()]
    return "\n".join(map(visible, [f"Defences on {heading(board)}", *printed]))
