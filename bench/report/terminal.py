"""Tables as plain text for a terminal of 100 to 120 columns: the columns that have a short name."""

import textwrap
from collections.abc import Iterable, Sequence

from bench.report.table import Cell, Column, Line, Link, Missing, Name, Page, Section, Table, Value, marks
from bench.results.intervals import MARKS
from bench.terminal.printable import visible

_ARROWS = {"up": "↑", "down": "↓", "": ""}
_WIDTH = 118  # of the sentences below the tables


def text(content: Page) -> str:
    """The first table of each section, and how the figures were found below the last."""
    return "\n\n".join([*(_section(section) for section in content.sections), textwrap.fill(content.method, _WIDTH)])


def _section(section: Section) -> str:
    table = section.tables[0]
    columns = [column for column in table.columns if column.short]
    rows = [[_cut(column.short, column.width) + _ARROWS[column.direction] for column in columns]]
    rows += [_line(table, line) for line in table.lines]
    widths = [max(len(row[at]) for row in rows) for at in range(len(columns))]
    printed = [_aligned(row, columns, widths) for row in rows]
    for at, line in enumerate(table.lines, 1):
        if line.empty:
            head = [word for word, column in zip(rows[at], columns) if not column.figure]
            names = [column for column in columns if not column.figure]
            own = [width for width, column in zip(widths, columns) if not column.figure]
            printed[at] = "  ".join([*_padded(head, names, own), visible(line.stopped)]).rstrip()
    printed.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(map(visible, [section.alone or section.title, *printed, *_below(table)]))


def _below(table: Table) -> Iterable[str]:
    """What the signs in a table say, and which lines stopped early."""
    if any(isinstance(cell, Name) and cell.control for line in table.lines for cell in line.cells):
        yield "* control"
    for mark in marks(table):
        yield from textwrap.fill(f"{mark} {MARKS[mark]}", _WIDTH).splitlines()
    for line in table.lines:
        if line.stopped and not line.empty:
            yield f"{line.name} stopped: {line.stopped}"


def _aligned(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    return "  ".join(_padded(row, columns, widths)).rstrip()


def _padded(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> list[str]:
    return [
        word.ljust(width) if column.align == "l" else word.rjust(width)
        for word, column, width in zip(row, columns, widths)
    ]


def _line(table: Table, line: Line) -> list[str]:
    shown = [(column, cell) for column, cell in zip(table.columns, line.cells) if column.short]
    return ["" if line.empty and column.figure else _cell(column, cell) for column, cell in shown]


def _cell(column: Column, cell: Cell) -> str:
    match cell:
        case Value():
            bounds = cell.interval(",") if column.bounds and not cell.groups else None
            return cell.figure + cell.marks + (f" [{bounds}]" if bounds else "")
        case Missing():
            return "n/a"
        case Name():
            return _cut(cell.text, column.width) + "*" * cell.control
        case Link():
            return cell.words
        case _:
            return _cut(cell, column.width)


def _cut(words: str | float | None, width: int | None) -> str:
    plain = visible(words)
    return plain if width is None or len(plain) <= width else plain[: width - 1] + "…"
