"""A table for a paper as Markdown and as HTML, with the same bold figures, ranks and footnotes as in LaTeX."""

import html
from collections.abc import Callable

from bench.report import markdown
from bench.report.paper_table import PaperTable
from bench.report.table import Column, Missing, Name, Value, number
from bench.report.table_words import Marked
from bench.terminal.printable import visible

_ARROWS = {"up": " ↑", "down": " ↓", "": ""}
_STYLE = (
    "table.leakbench{border-collapse:collapse;border-top:2px solid;border-bottom:2px solid}"
    "table.leakbench caption{text-align:left}"
    "table.leakbench th,table.leakbench td{padding:.2em .6em;text-align:left}"
    "table.leakbench .r{text-align:right}table.leakbench tbody{border-top:1px solid}"
    "table.leakbench small{white-space:nowrap}"
)


def markdown_text(table: PaperTable) -> str:
    """The table as Markdown, its caption above and its notes below."""
    rows = []
    for group in table.groups:
        if group.heading:
            rows.append([f"*{markdown.escape(group.heading)}*", *[""] * (len(table.columns) - 1)])
        rows += [[_markdown_cell(one, table.options.intervals) for one in line] for line in group.lines]
    header = [_header(column, markdown.escape) for column in table.columns]
    grid = markdown.grid(header, "".join(column.align for column in table.columns), rows)
    notes = [f"- {f'{markdown.escape(sign)} ' if sign else ''}{markdown.escape(words)}" for sign, words in table.notes]
    return "\n".join([markdown.escape(table.caption), "", *grid, "", *notes]) + "\n"


def html_text(table: PaperTable) -> str:
    """The table as a fragment of HTML with a small style of its own; it loads nothing."""
    head = "".join(f'<th scope="col"{_side(c)}>{_header(c, _escape)}</th>' for c in table.columns)
    bodies = []
    for group in table.groups:
        lines = []
        if group.heading:
            lines.append(f'<tr><th colspan="{len(table.columns)}" scope="rowgroup">{_escape(group.heading)}</th></tr>')
        for line in group.lines:
            cells = zip(table.columns, line)
            lines.append(
                "<tr>"
                + "".join(f"<td{_side(c)}>{_html_cell(one, table.options.intervals)}</td>" for c, one in cells)
                + "</tr>"
            )
        bodies.append("<tbody>\n" + "\n".join(lines) + "\n</tbody>")
    notes = "".join(
        f"<li>{f'<sup>{_escape(sign)}</sup> ' if sign else ''}{_escape(words)}</li>" for sign, words in table.notes
    )
    return "\n".join(
        [
            f"<style>{_STYLE}</style>",
            '<table class="leakbench">',
            f"<caption>{_escape(table.caption)}</caption>",
            f"<thead><tr>{head}</tr></thead>",
            *bodies,
            "</table>",
            f"<ul>{notes}</ul>",
            "",
        ]
    )


def _escape(text: object) -> str:
    return html.escape(visible(text))


def _side(column: Column) -> str:
    return ' class="r"' if column.align == "r" else ""


def _header(column: Column, escape: Callable[[object], str]) -> str:
    return escape(column.title) + _ARROWS[column.direction] + (f" ({escape(column.unit)})" if column.unit else "")


def _spread(value: Value, intervals: str) -> tuple[str, str]:
    """What stands behind the figure, and what stands in small type below it."""
    if intervals == "none" or value.groups or value.low is None or value.high is None:
        return "", ""
    if intervals == "small":
        return "", f"{number(value.low, value.places)} – {number(value.high, value.places)}"
    up, down = number(value.high - value.mean, value.places), number(value.mean - value.low, value.places)
    return (f" ± {up}" if up == down else f" +{up} −{down}"), ""


def _markdown_cell(marked: Marked, intervals: str) -> str:
    letters = f"<sup>{markdown.escape(marked.letters)}</sup>" if marked.letters else ""
    words, below, sign = _words(marked, intervals, markdown.escape)
    words = f"**{words}**" if marked.bold else words
    return words + sign + letters + (f"<br><sub>{below}</sub>" if below else "")


def _html_cell(marked: Marked, intervals: str) -> str:
    letters = f"<sup>{_escape(marked.letters)}</sup>" if marked.letters else ""
    words, below, sign = _words(marked, intervals, _escape)
    words = f"<strong>{words}</strong>" if marked.bold else words
    return words + sign + letters + (f"<br><small>{below}</small>" if below else "")


def _words(marked: Marked, intervals: str, escape: Callable[[object], str]) -> tuple[str, str, str]:
    """The figure or the name, what stands below it, and what stands behind it in plain type."""
    match marked.cell:
        case Value() as value:
            behind, below = _spread(value, intervals)
            return value.figure, below, behind + value.marks
        case Missing():
            return "n/a", "", ""
        case Name() as name:
            return escape(name.text), "", ""
        case words:
            return escape(words), "", ""
