r"""The table of defences as a LaTeX document: booktabs, compiles as it is with pdflatex."""

from collections.abc import Sequence

from bench.report.defenses import foot, heading, priced
from bench.report.hypotheses import judged
from bench.report.tables import number
from bench.report.tex import DOWN, UP, document, escape, items, table
from bench.results.join import Board


def defenses_tex(boards: Sequence[Board]) -> str:
    """The document."""
    return document([line for board in boards for line in _board(board)])


def _board(board: Board) -> list[str]:
    header = [
        "rank",
        "defence",
        "worst attack",
        f"leak{DOWN} ({board.scale.header})",
        *(escape(name) + DOWN for name in board.attacks),
    ]
    header += [
        f"accuracy{UP}",
        "of runs",
        "ms per step",
        "bytes per step",
        r"$\varepsilon$, step",
        r"$\varepsilon$, training",
    ]
    rows = []
    for line in board.lines:
        worst = line.worst.interval()
        row = [str(line.rank), escape(line.title), escape(line.worst.attack)]
        row.append(_with(worst.mean, worst.low, worst.high, board.scale.places))
        for attack in board.attacks:
            leak = line.by(attack)
            row.append("n/a" if leak is None else number(leak.success.mean, 2))
        accuracy = line.price["accuracy"] if line.price else None
        # its interval is markup, and must not be escaped with the words behind it
        shown = _with(accuracy["mean"], accuracy["low"], accuracy["high"], 3) if accuracy else ""
        words, *others = map(escape, priced(line, board, lambda *bounds: ""))
        rows.append([*row, shown + words, *others])
    lines = [rf"\section*{{Defences on {escape(heading(board))}}}"]
    lines += [*table("rll" + "r" * (len(header) - 3), header, rows), r"\bigskip", ""]
    if found := judged(board):
        claims = [[escape(one.claim), escape(one.verdict), escape(one.evidence)] for one in found]
        lines += [*table("lll", ["claim", "as measured here", "figures"], claims), r"\bigskip", ""]
    return [*lines, *items(foot(board)), r"\clearpage"]


def _with(mean: float, low: float | None, high: float | None, places: int) -> str:
    bounds = "" if low is None or high is None else rf" {{\scriptsize [{number(low, places)}, {number(high, places)}]}}"
    return number(mean, places) + bounds
