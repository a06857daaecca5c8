"""The notes below a table of defences: what a reader must know to compare its figures."""

from collections.abc import Iterator, Mapping, Sequence

from bench.report import adaptive, identification_column, label_column, limit_column, worst_case_column
from bench.report.html.words import foreign_attack
from bench.results import verification
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.intervals import COVERAGE, MARKS, methods
from bench.results.members import in_words, members

_RANKS = (
    "Rank 1 leaks least. Ranks are shared where a sign-flip permutation test over the same victims (two-sided, "
    "5 %, not corrected for the number of comparisons) does not separate a line from the one that leads its rank."
)


def notes(board: DefenseBoard, used: Sequence[str]) -> list[str]:
    """The sentences in their order, each once.

    Args:
        board: what the table shows.
        used: the marks at its figures.
    """
    lines = [
        *_leak(board),
        *worst_case_column.notes(board),
        *adaptive.notes(board),
        *label_column.notes(board),
        *limit_column.notes(board),
        methods(errors=False),
        COVERAGE,
        *(f"{mark} {MARKS[mark]}." for mark in used),
        _RANKS,
        *_utility(board),
        *identification_column.notes(board),
        *(note for line in board.lines for note in _of_line(line)),
        *_members(board),
        *_origins(board),
    ]
    return list(dict.fromkeys(lines))


def _leak(board: DefenseBoard) -> Iterator[str]:
    """What a leak is, and what the columns of attacks show."""
    scale = board.scale
    below = f", and below at what {scale.control_in_words} scores, which looks at no gradient"
    yield (
        f"Leak: {scale.score_in_words} of the reconstructions of the attack that gets most (the worst case over all "
        "attacks in the table, adaptive ones included), the mean over victims. "
        f"It ends at {scale.end_in_words}{below if board.floored else ''}. "
        "A failed victim has the lowest leak there is, and none of its samples is recovered, whatever it left."
    )
    yield f"Columns of attacks: {scale.rate_in_words}."


def _utility(board: DefenseBoard) -> Iterator[str]:
    """How accuracy, time, bytes and epsilons were measured, or why there are none."""
    if board.training:
        yield (
            f"Accuracy is of a model trained under the defence: {board.training}, one client a step, the same schedule "
            "with every defence; the mean of the runs, with Wilson's 95 % interval over the test images. "
            "Of runs: half the width of Student's 95 % interval for the mean of the runs (how many)."
        )
        yield (
            "Sent: the smallest of dense values, bitmap and values, indices and values, tensor by tensor. "
            "Time: wall time of a whole training step on this machine; in brackets how many times as long the client "
            "takes for what it shares as for the plain gradient, both timed in turn."
        )
    elif not board.modality.trainable:
        yield "No accuracy or time beside a leak: what `leakbench train` trains are classifiers of images."
    known = [line.utility for line in board.lines if line.utility]
    if known and known[0]["model"] != board.model:
        yield f"The model that is trained ({known[0]['model']}) is not the one that is attacked ({board.model})."
    sampled = [one for one in known if one["sampling"] == "poisson"]
    if sampled:
        yield (
            "ε of a shared step: its batch is known to have taken part; ε of the training: Poisson sampling "
            f"(Rényi accountant, δ = {sampled[0]['delta']:g})."
        )


def _of_line(line: DefenseResult) -> Iterator[str]:
    """What a defence says of itself, and why an attack has no figure or several."""
    for note in line.facts.get("notes") or []:
        yield f"{line.title}: {note}"
    for attack, reason in line.unserved.items():
        yield f"{line.title}, {attack}: {reason}"
    for attack in line.doubled:
        yield f"{line.title}, {attack}: several cells have these names; the one that leaks most counts."


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
