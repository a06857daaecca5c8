"""The tables of defences by their worst case over attacks, beside what they cost.

The notes below them are in `bench.report.defenses_notes`; `bench.report.defenses_csv` has the table for a program.
"""

from collections.abc import Mapping, Sequence

from bench.report import identification_column, label_column, limit_column, worst_case_column
from bench.report.defenses_notes import notes
from bench.report.hypotheses import judged
from bench.report.table import Cell, Column, Line, Missing, Page, Section, Table, Value, marks
from bench.results import verification
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.intervals import methods
from bench.results.leaks import LeakageScore

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
    return Section(title, tables, notes(board, marks(table)), alone=f"Defences on {title}")


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
