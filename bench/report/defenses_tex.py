r"""The table of defences as a LaTeX document: booktabs, compiles as it is with pdflatex."""

from collections.abc import Sequence

from bench.report.defenses import foot, heading, utility_columns
from bench.report.hypotheses import judged
from bench.report.tables import number
from bench.report.tex import DOWN, UP, document, escape, items, table, with_bounds
from bench.results.join import DefenseBoard


def defenses_tex(boards: Sequence[DefenseBoard]) -> str:
    """The document."""
    return document([line for board in boards for line in _board(board)])


def _board(board: DefenseBoard) -> list[str]:
    header = [
        "rank",
        "defence",
        "worst attack",
        f"leak, mean{DOWN} ({board.scale.header})",
        *(f"{escape(name)}, rate{DOWN}" for name in board.attacks),
    ]
    header += [
        f"accuracy, rate{UP}",
        "of runs",
        "ms per step",
        "bytes per step",
        r"$\varepsilon$, step",
        r"$\varepsilon$, training",
    ]
    rows = []
    for line in board.lines:
        row = [str(line.rank), escape(line.title), escape(line.worst.attack)]
        row.append(with_bounds(line.worst.figure.document(), board.scale.places))
        for attack in board.attacks:
            leak = line.by(attack)
            row.append("n/a" if leak is None else number(leak.success.mean, 2))
        accuracy = line.utility["accuracy"] if line.utility else None
        # its interval is markup, and must not be escaped with the words behind it
        shown = with_bounds(accuracy, 3) if accuracy else ""
        words, *others = map(escape, utility_columns(line, board, lambda *figure: ""))
        rows.append([*row, shown + words, *others])
    lines = [rf"\section*{{Defences on {escape(heading(board))}}}"]
    lines += [*table("rll" + "r" * (len(header) - 3), header, rows), r"\bigskip", ""]
    if found := judged(board):
        claims = [[escape(one.claim), escape(one.verdict), escape(one.evidence)] for one in found]
        lines += [*table("lll", ["claim", "as measured here", "figures"], claims), r"\bigskip", ""]
    return [*lines, *items(foot(board)), r"\clearpage"]
