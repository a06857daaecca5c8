r"""The boards as one LaTeX document: booktabs, compiles as it is with pdflatex, every word escaped."""

from collections.abc import Mapping
from typing import Any

from bench.report.leaderboard import Board, Leaderboard, Row, marks
from bench.report.measures import Measure
from bench.report.tables import PROVENANCE, WORDS, attack_name, failed, interval, number, title
from bench.terminal.printable import visible

# Rows that fit on a landscape page, with their header, at the size that the width dictates.
_PAGE = 18
UP, DOWN = r" $\uparrow$", r" $\downarrow$"
_ARROWS = {"up": UP, "down": DOWN, "": ""}
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


def tex(board: Leaderboard) -> str:
    """The document."""
    return document([line for each in board.boards for line in _board(each)])


def document(body: list[str]) -> str:
    """Lines of LaTeX between the head that `table` relies on and the end."""
    return _HEAD + "\n".join(body) + "\n\\end{document}\n"


def _board(board: Board) -> list[str]:
    lines = [rf"\section*{{{escape(board.title)}}}"]
    for start in range(0, len(board.rows), _PAGE):
        rows = board.rows[start : start + _PAGE]
        lines += [
            *_scores(rows, board.measures, any(row.paper for row in board.rows)),
            r"\bigskip",
            "",
            *_provenance(rows),
        ]
        lines += [r"\bigskip", ""]
    return [*lines, *items(board.foot), r"\clearpage"]


def items(words: list[str]) -> list[str]:
    """Plain sentences as a list in small print."""
    lines = [rf"\item {escape(line)}" for line in words]
    return [r"\begin{itemize}\footnotesize\setlength{\itemsep}{0pt}", *lines, r"\end{itemize}"]


def table(columns: str, header: list[str], rows: list[list[str]]) -> list[str]:
    """A table at its natural size, or as wide as the page; cells are LaTeX."""
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


def _scores(rows: list[Row], measures: tuple[Measure, ...], paper: bool) -> list[str]:
    header = [*WORDS, "$B$", "victims", "failed"]
    for measure in measures:
        # The arrow is markup and must not be escaped with the words.
        words, arrow = escape(title(measure, {"up": "", "down": "", "": ""})), _ARROWS[measure.better]
        header.append(words + arrow)
    lines = []
    for row in rows:
        line = [escape(attack_name(row)), *(escape(row.summary[word]) for word in WORDS[1:]), escape(row.batch)]
        line += [str(row.summary["victims"]), failed(row)]
        if row.empty:
            line.append(rf"\multicolumn{{{len(measures)}}}{{l}}{{\emph{{{escape(row.stopped)}}}}}")
        else:
            line += [_value(measure.value(row.summary), measure.places) for measure in measures]
        lines.append([*line, *([escape(row.paper)] if paper else [])])
    columns = "llllrrr" + "r" * len(measures) + ("l" if paper else "")
    return table(columns, [*header, *(["paper"] if paper else [])], lines)


def _value(value: dict[str, Any] | None, places: int | None) -> str:
    if value is None:
        return "n/a"
    return with_bounds(value, places)


def with_bounds(value: Mapping[str, Any], places: int | None) -> str:
    """A figure with its marks, and its bounds or the medians of its groups in small print."""
    below = interval(value, places, ", ")
    return number(value["mean"], places) + escape(marks(value)) + (rf" {{\scriptsize [{below}]}}" if below else "")


def _provenance(rows: list[Row]) -> list[str]:
    lines = []
    for row in rows:
        wall = "" if row.provenance["wall"] is None else number(row.provenance["wall"], None)
        ended = ", ".join(f"{count} {word}" for word, count in row.statuses.items())
        known = [escape(row.provenance[key]) for key in PROVENANCE]
        lines.append([escape(attack_name(row)), escape(row.summary["data"]), *known, wall, escape(ended)])
    return table("llrlllrl", ["attack", "data", *PROVENANCE, "work (s)", "how victims ended"], lines)
