r"""A page of tables as a LaTeX document: booktabs, compiles as it is with pdflatex, every word escaped."""

from collections.abc import Sequence
from typing import Any

from bench.report.table import Cell, Column, Line, Link, Missing, Name, Page, Section, Table, Value
from bench.terminal.printable import visible

# Rows that fit on a landscape page, with their header, at the size that the width dictates.
_PAGE = 18
_ARROWS = {"up": r" $\uparrow$", "down": r" $\downarrow$", "": ""}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # After the end of a row and after \item a bracket would begin an optional argument.
    "[": "{[}",
    '"': r"''",
    "\u2013": "--",
    "\u2014": "---",
    "\u2018": "`",
    "\u2019": "'",
    "\u201c": "``",
    "\u201d": "''",
    "\u2020": r"$\dagger$",
    "\u2021": r"$\ddagger$",
    "\u2026": r"\dots{}",
    "\u2264": r"$\leq$",
    "\u2265": r"$\geq$",
    "\u00d7": r"$\times$",
    "\u00b1": r"$\pm$",
    "\u03c3": r"$\sigma$",
    "\u03b5": r"$\varepsilon$",
    "\u03b4": r"$\delta$",
}

# what TeX's fonts make one sign of
_LIGATURES = frozenset(("--", "``", "''", "?`", "!`"))

_HEAD = r"""\documentclass[a4paper,landscape]{article}
\usepackage[margin=12mm]{geometry}
\usepackage[utf8]{inputenc}
\usepackage{booktabs}
\usepackage{graphicx}
\setlength{\parindent}{0pt}
\renewcommand{\labelitemi}{$\bullet$}
% A table at its natural size, or as wide as the page where it is wider.
\newsavebox{\tablebox}
\newcommand{\fit}{\ifdim\wd\tablebox>\textwidth\resizebox{\textwidth}{!}{\usebox{\tablebox}}\else\usebox{\tablebox}\fi}
\begin{document}
"""


def escape(text: Any) -> str:
    """Text that LaTeX prints as it reads; a sign that its fonts lack becomes a question mark.

    Example:
        >>> print(escape("50 % of a_b"))
        50 \\% of a\\_b
    """
    signs = visible(text)
    pairs = zip(" " + signs, signs)
    return "".join(("{}" if before + sign in _LIGATURES else "") + _escaped(sign) for before, sign in pairs)


def _escaped(sign: str) -> str:
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    if sign.isspace():
        return " "
    # pdflatex stops at a sign that its fonts cannot make; Eth and Thorn are the Latin-1 letters that they lack.
    accented = "\u00c0" <= sign <= "\u00ff" and sign.isalpha() and sign not in "\u00d0\u00f0\u00de\u00fe"
    return sign if (sign.isascii() and sign.isprintable()) or accented else "?"


def page(content: Page) -> str:
    """The document."""
    return document([line for section in content.sections for line in _section(section)])


def document(body: Sequence[str]) -> str:
    """Lines of LaTeX between the head that `tabular` relies on and the end."""
    return _HEAD + "\n".join(body) + "\n\\end{document}\n"


def items(words: Sequence[str]) -> list[str]:
    """Plain sentences as a list in small print."""
    lines = [rf"\item {escape(line)}" for line in words]
    return [r"\begin{itemize}\footnotesize\setlength{\itemsep}{0pt}", *lines, r"\end{itemize}"]


def tabular(columns: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table at its natural size, or as wide as the page.

    Args:
        columns: as `tabular` of LaTeX takes them.
        header: LaTeX, one per column.
        rows: LaTeX, one per column each.
    """
    return [
        r"\begin{lrbox}{\tablebox}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{lrbox}",
        r"\fit",
    ]


def _section(section: Section) -> list[str]:
    """Its tables, page by page: the first lines of each, then the next lines of each."""
    lines = [rf"\section*{{{escape(section.alone or section.title)}}}"]
    for start in range(0, max(len(table.lines) for table in section.tables), _PAGE):
        for table in section.tables:
            if part := table.lines[start : start + _PAGE]:
                lines += [*_table(table, part), r"\bigskip", ""]
    return [*lines, *items(section.notes), r"\clearpage"]


def _table(table: Table, lines: Sequence[Line]) -> list[str]:
    shown = [column for column in table.columns if _shown(column)]
    rows = [_line(table, line) for line in lines]
    return tabular("".join(column.align for column in shown), [_header(column) for column in shown], rows)


def _shown(column: Column) -> bool:
    return bool(column.title) and not column.linked


def _header(column: Column) -> str:
    # The arrow is markup and must not be escaped with the words.
    title = f"${escape(column.title)}$" if column.symbol else escape(column.title)
    return title + _ARROWS[column.direction] + (f" ({escape(column.unit)})" if column.unit else "")


def _line(table: Table, line: Line) -> list[str]:
    """The cells; the reason of an empty line is as wide as all columns of figures."""
    cells = []
    wide = sum(column.figure and _shown(column) for column in table.columns)
    reason = rf"\multicolumn{{{wide}}}{{l}}{{\emph{{{escape(line.stopped)}}}}}"
    for column, cell in zip(table.columns, line.cells):
        if not _shown(column):
            continue
        if not (line.empty and column.figure):
            cells.append(_cell(cell))
        elif reason not in cells:
            cells.append(reason)
    return cells


def _cell(cell: Cell) -> str:
    match cell:
        case Value():
            below = cell.interval(", ")
            small = rf" {{\scriptsize [{below}]}}" if below else ""
            return cell.figure + escape(cell.marks) + small + escape(cell.note)
        case Missing():
            return escape(cell.reason) if cell.inline and cell.reason else "n/a"
        case Name():
            return escape(cell.text) + (" (control)" if cell.control else "")
        case Link():
            return escape(cell.words)
        case _:
            return escape(cell)
