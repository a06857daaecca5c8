"""A page of tables as markdown."""

from collections.abc import Sequence
from typing import Any

from bench.report.table import Cell, Column, Line, Link, Missing, Name, Page, Section, Table, Value
from bench.terminal.printable import visible

_ARROWS = {"up": " ↑", "down": " ↓", "": ""}
_RULES = {"l": ":--", "r": "--:"}
# every sign that is markup in a table's cell in any of the common kinds of markdown
_SAFE = {
    "\\": "\\\\",
    "&": "&amp;",
    "<": "&lt;",
    "|": "\\|",
    "*": "\\*",
    "_": "\\_",
    "`": "\\`",
    "[": "\\[",
    "~": "&#126;",
    "$": "&#36;",
}


def escape(text: Any) -> str:
    """Text that can stand in a markdown table: nothing in it is markup, and every sign can be seen."""
    return "".join(_SAFE.get(sign, sign) for sign in visible(text))


def page(content: Page) -> str:
    """The file."""
    lines = [f"# {escape(content.title)}", ""]
    for section in content.sections:
        lines += _section(section)
    if content.skipped:
        lines += ["## Skipped", "", *_items(content.skipped), ""]
    lines += [f"![{escape(words)}]({link})\n" for words, link in content.pictures.items()]
    return "\n".join(lines)


def grid(header: Sequence[str], align: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table.

    Args:
        header: markdown, one per column.
        align: `l` or `r` for each column.
        rows: markdown, one per column each.
    """
    lines = [header, [_RULES[side] for side in align], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _section(section: Section) -> list[str]:
    lines = [f"## {escape(section.title)}", ""]
    for table in section.tables:
        lines += [f"### {escape(table.title)}", ""] if table.title else []
        lines += [*_table(table), ""]
    return [*lines, "### Notes", "", *_items(section.notes), ""]


def _items(sentences: Sequence[str]) -> list[str]:
    return [f"- {escape(sentence)}" for sentence in sentences]


def _table(table: Table) -> list[str]:
    shown = [column for column in table.columns if column.title]
    rows = [_line(table, line) for line in table.lines]
    return grid([_header(column) for column in shown], "".join(column.align for column in shown), rows)


def _header(column: Column) -> str:
    return escape(column.title) + _ARROWS[column.direction] + (f" ({escape(column.unit)})" if column.unit else "")


def _line(table: Table, line: Line) -> list[str]:
    """The cells; the reason of an empty line stands in the first column of a figure."""
    cells, reason = [], f"*{escape(line.stopped)}*"
    for column, cell in zip(table.columns, line.cells):
        if column.title and line.empty and column.figure:
            cells.append(reason)
            reason = ""
        elif column.title:
            cells.append(_cell(cell))
    return cells


def _cell(cell: Cell) -> str:
    match cell:
        case Value():
            below = cell.interval(" – ")
            return cell.figure + cell.marks + (f"<br><sub>{below}</sub>" if below else "") + escape(cell.note)
        case Missing():
            return escape(cell.reason) if cell.inline and cell.reason else "n/a"
        case Name():
            return escape(cell.text) + (" (control)" if cell.control else "")
        case Link():
            return f"[{escape(cell.words)}]({cell.target})"
        case _:
            return escape(cell)
