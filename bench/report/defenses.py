"""The tables of defences by their worst case over attacks, beside what they cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.modalities.scale import LeakageScale
from bench.report import adaptive, identification_column, label_column, limit_column, worst_case_column
from bench.report.html.words import foreign_attack
from bench.report.hypotheses import judged
from bench.report.table import Cell, Column, Line, Missing, Page, Section, Table, Value, marks
from bench.results import verification
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.intervals import COVERAGE, MARKS, methods
from bench.results.leaks import LeakageScore
from bench.results.members import in_words, members
from bench.results.scores import OTHERS, RECOVERED

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


def page(boards: Sequence[DefenseBoard], pictures: Mapping[str, str]) -> Page:
    """The boards as they are printed.

    Args:
        boards: what to print.
        pictures: `{words: link}`, relative to the page.
    """
    return Page(
        "Defences and what they cost",
        [_section(board) for board in boards],
        method=methods(errors=False),
        pictures=pictures,
    )


def _section(board: DefenseBoard) -> Section:
    table, title = _table(board), _heading(board)
    tables = [table]
    if found := judged(board):
        columns = [Column("claim"), Column("as measured here"), Column("figures")]
        lines = [Line([one.claim, one.verdict, one.evidence]) for one in found]
        tables.append(Table(columns, lines, "What is claimed of them"))
    return Section(title, tables, _notes(board, marks(table)), alone=f"Defences on {title}")


def _heading(board: DefenseBoard) -> str:
    """Which data set, model and threat models a board is about."""
    plural = "s" if len(board.threats) > 1 else ""
    batch = f", batches of {board.batch}" if (board.batch or 1) > 1 else ""
    return f"{board.data}{batch}, model {board.model}, threat model{plural} {', '.join(board.threats)}"


def _table(board: DefenseBoard) -> Table:
    leak = f"leak {board.scale.header}"
    columns = [
        Column("rank", short="rank", align="r"),
        Column("defence", short="defence"),
        Column("worst attack", short="worst attack"),
        Column("leak, mean", short=leak, direction="down", unit=board.scale.header, align="r"),
        *worst_case_column.columns(board),
        *(
            Column(f"{name}, rate", short=name, direction="down", align="r", width=_ATTACK_WIDTH)
            for name in board.attacks
        ),
        *label_column.columns(board),
        *limit_column.columns(board),
        Column("accuracy, rate", short="accuracy", direction="up", align="r"),
        Column("of runs", align="r"),
        Column("time", unit="ms per step", align="r"),
        Column("sent", short="bytes", unit="bytes per step", align="r"),
        Column("ε, step", align="r"),
        Column("ε, training", align="r"),
        *identification_column.columns(board),
    ]
    lines = []
    for line in board.lines:
        cells: list[Cell] = [line.rank, line.title, _worst(line.worst)]
        cells.append(Value(**line.worst.figure.document(), places=board.scale.places))
        cells += [*worst_case_column.cells(line, board), *(_success(line, attack) for attack in board.attacks)]
        cells += [*label_column.cells(line, board), *limit_column.cells(line, board), *_utility(line, board)]
        cells += identification_column.cells(line, board)
        lines.append(Line(cells, line.title))
    return Table(columns, lines)


def _worst(leak: LeakageScore) -> str:
    """The name of an attack with the mark of its row: `stronger (claimed)`."""
    mark = verification.mark(leak.cell.folder)
    return f"{leak.attack} ({mark})" if mark else leak.attack


def _success(line: DefenseResult, attack: str) -> Cell:
    leak = line.by(attack)
    if leak is None:
        return Missing(line.unserved.get(attack, ""))
    return Value(leak.success.mean, places=2)


def _utility(line: DefenseResult, board: DefenseBoard) -> list[Cell]:
    """Six cells: accuracy, the runs' own spread, time and bytes per step (with their ratio to no defence), epsilons."""
    step = _or_dash(line.facts.get("epsilon"))
    utility = line.utility
    if utility is None or utility["accuracy"] is None:
        reason = (utility or {}).get("reasons", {}).get("cell", "")
        return [Missing(reason, inline=True), None, None, None, step, None]
    runs = utility["over_runs"]
    half = None if runs["low"] is None else (runs["high"] - runs["low"]) / 2
    base = board.undefended.utility if board.undefended else None
    share = utility["bytes_per_step"] / base["bytes_per_step"] if base and base["bytes_per_step"] else None
    diverged = f" ({utility['diverged']} diverged)" if utility["diverged"] else ""
    return [
        Value(**utility["accuracy"], places=3, note=diverged),
        Missing() if half is None else f"±{half:.3f} ({runs['n']})",
        Value(1e3 * utility["seconds_per_step"], places=1, note=_times(utility["slowdown"])),
        Value(utility["bytes_per_step"], places=0, note=_times(share)),
        step,
        _or_dash(utility["epsilon"]),
    ]


def _or_dash(value: float | None) -> Cell:
    return "-" if value is None else Value(value)


def _times(ratio: float | None) -> str:
    return "" if ratio is None or abs(ratio - 1) < 0.005 else f" (×{ratio:.2g})"


def _notes(board: DefenseBoard, used: Sequence[str]) -> list[str]:
    """What a reader must know to compare the figures; `used` are the marks at them."""
    scale = board.scale
    below = f", and below at what {scale.control_in_words} scores, which looks at no gradient"
    floor = below if board.floored else ""
    lines = [
        f"Leak: {scale.score_in_words} of the reconstructions of the attack that gets most (the worst case over all "
        "attacks in the table, adaptive ones included), the mean over victims. "
        f"It ends at {scale.end_in_words}{floor}. "
        "A failed victim has the lowest leak there is, and none of its samples is recovered, whatever it left.",
        f"Columns of attacks: {scale.rate_in_words}.",
        *worst_case_column.notes(board),
        *adaptive.notes(board),
        *label_column.notes(board),
        *limit_column.notes(board),
        methods(errors=False),
        COVERAGE,
        *(f"{mark} {MARKS[mark]}." for mark in used),
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
    elif not board.modality.trainable:
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
    lines += identification_column.notes(board)
    for line in board.lines:
        lines += [f"{line.title}: {note}" for note in line.facts.get("notes") or []]
        lines += [f"{line.title}, {attack}: {reason}" for attack, reason in line.unserved.items()]
        lines += [
            f"{line.title}, {attack}: several cells have these names; the one that leaks most counts."
            for attack in line.doubled
        ]
    lines += [*_members(board), *_origins(board)]
    return list(dict.fromkeys(lines))


def _members(board: DefenseBoard) -> list[str]:
    """Whose claims the ensembles returned."""
    found = [(line.title, leak.attack, members(leak.rows)) for line in board.lines for leak in line.leaks]
    return [
        f"{title}, {attack}: victims by the member whose claim the attacker chose: {in_words(counts)}."
        for title, attack, counts in found
        if counts
    ]


def _origins(board: DefenseBoard) -> list[str]:
    """Which leaks came with an entry, and what its record says of an attack that is no part of leakbench."""
    held: dict[str, list[str]] = {}
    known: dict[str, Mapping[str, str]] = {}
    for line in board.lines:
        for leak in line.leaks:
            if mark := verification.mark(leak.cell.folder):
                held.setdefault(mark, []).append(f"{leak.attack} on {line.title}")
            if own := leak.cell.facts.get("attack"):
                known[leak.attack] = own
    lines = [f"Leaks {word}: {', '.join(names)}." for word, names in sorted(held.items())]
    return lines + [f"{attack}: {foreign_attack(own)}" for attack, own in known.items()]


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
