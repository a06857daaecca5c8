r"""A table for a paper as a LaTeX fragment to \input: it needs booktabs and nothing else."""

import re
from collections.abc import Sequence

from bench.report.latex import escape
from bench.report.paper_table import PaperTable
from bench.report.table import Column, Missing, Name, Value, number
from bench.report.table_words import Marked

_ARROWS = {"up": r"\,$\uparrow$", "down": r"\,$\downarrow$", "": ""}
_ENDED = r" \\"


def text(table: PaperTable) -> str:
    """The fragment: a `table`, or a `table*` if it is two columns wide.

    In one column an interval in small type stands below its figure, because beside it five columns would not fit.
    """
    wide = table.options.width == "two"
    float_ = "table*" if wide else "table"
    shape = "".join(column.align for column in table.columns)
    body: list[str] = []
    for group in table.groups:
        body += [r"\midrule"]
        if group.heading:
            body += [
                rf"\multicolumn{{{len(table.columns)}}}{{@{{}}l@{{}}}}{{\emph{{{escape(group.heading)}}}}}" + _ENDED
            ]
        for line in group.lines:
            body += _line(line, table.options.intervals, stacked=not wide)
    label = [rf"\label{{{_label(table.options.label)}}}"] if table.options.label else []
    lines = [
        "% A table of leakbench: \\usepackage{booktabs}, then \\input this file.",
        rf"\begin{{{float_}}}[t]",
        r"\centering\footnotesize",
        r"\setlength{\tabcolsep}{" + ("5pt}" if wide else "3pt}"),
        rf"\caption{{{escape(table.caption)}}}",
        *label,
        rf"\begin{{tabular}}{{@{{}}{shape}@{{}}}}",
        r"\toprule",
        " & ".join(_header(column) for column in table.columns) + _ENDED,
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip",
        r"\parbox{\linewidth}{\scriptsize\raggedright",
        *(_note(sign, sentence) for sign, sentence in table.notes),
        r"}",
        rf"\end{{{float_}}}",
    ]
    return "\n".join(lines) + "\n"


def _label(words: str | None) -> str:
    """A label that TeX reads as it is.

    >>> _label("tab:a b_c%")
    'tab:a-b_c'
    """
    return re.sub(r"[^A-Za-z0-9:._-]+", "-", words or "").strip("-")


def _header(column: Column) -> str:
    title = f"${escape(column.title)}$" if column.symbol else escape(column.title)
    return title + _ARROWS[column.direction] + (f" ({escape(column.unit)})" if column.unit else "")


def _note(sign: str, sentence: str) -> str:
    return (rf"\textsuperscript{{{escape(sign)}}}" if sign else "") + escape(sentence) + "%\n\\ "


def _line(line: Sequence[Marked], intervals: str, stacked: bool) -> list[str]:
    """The rows of LaTeX: one, or a second one with the intervals below the figures."""
    below = [_bounds(one) for one in line]
    small = intervals == "small" and any(below)
    cells = [_cell(one, intervals) for one in line]
    if not small:
        return [" & ".join(cells) + _ENDED]
    if not stacked:
        both = (cell + (rf" {{\scriptsize {bounds}}}" if bounds else "") for cell, bounds in zip(cells, below))
        return [" & ".join(both) + _ENDED]
    lower = (rf"{{\fontsize{{6}}{{7}}\selectfont {bounds}}}" if bounds else "" for bounds in below)
    return [" & ".join(cells) + r" \\[-1.5pt]", " & ".join(lower) + r" \\[1pt]"]


def _cell(marked: Marked, intervals: str) -> str:
    letters = rf"\textsuperscript{{{escape(marked.letters)}}}" if marked.letters else ""
    match marked.cell:
        case Value() as value:
            figure = _number(value.mean, value.places)
            figure = rf"\textbf{{\boldmath {figure}}}" if marked.bold else figure
            spread = _spread(value) if intervals == "pm" else ""
            return figure + spread + escape("".join(value.marks)) + letters
        case Missing():
            return "n/a" + letters
        case Name() as name:
            cited = rf"~\cite{{{marked.cited}}}" if marked.cited else ""
            return escape(name.text) + cited + letters
        case words:
            return escape(words) + letters


def _number(value: float, places: int | None) -> str:
    r"""A number with TeX's signs.

    >>> print(_number(-0.5, 1), _number(1.5e-7, None))
    $-$0.5 $1.50\times10^{-7}$
    """
    words = number(value, places)
    mantissa, power, exponent = words.partition("e")
    if power:
        return rf"${mantissa}\times10^{{{int(exponent)}}}$"
    return words.replace("-", "$-$")


def _bounds(marked: Marked) -> str:
    value = marked.cell
    if not isinstance(value, Value) or value.groups or value.low is None or value.high is None:
        return ""
    return f"[{_number(value.low, value.places)}, {_number(value.high, value.places)}]"


def _spread(value: Value) -> str:
    r"""Plus and minus half of the interval; both distances if the figure does not stand in its middle."""
    if value.groups or value.low is None or value.high is None:
        return ""
    above, below = value.high - value.mean, value.mean - value.low
    if number(above, value.places) == number(below, value.places):
        return rf"\,$\pm$\,{_number(above, value.places)}"
    more, less = (_number(one, value.places).replace("$", "") for one in (above, below))
    return rf"\,$^{{+{more}}}_{{-{less}}}$"
