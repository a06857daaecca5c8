"""A table as data: its columns, lines and values. Each format has one renderer, which alone escapes, marks and aligns.

A column has up to three names, one for each use: `title` on a page (markdown, LaTeX), `short` in a terminal and `key`
in a CSV file. A format leaves out the columns that have no name in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.results.intervals import GROUPS, MARKS, SURVIVORS


@dataclass(frozen=True)
class Value:
    """A figure with what is known of its uncertainty.

    Args:
        mean: the value of the estimand.
        low, high: its 95 % interval; None if it has none.
        n: how many samples are behind it; None if nobody counted.
        estimand, method: what is estimated and how the bounds were found (see `bench.results.intervals`).
        left_out: how many samples have no value: if there are any, the figure is one over survivors.
        median: the median over victims, alike.
        groups: the medians of the victims that were recovered and of the others, alike; empty if all are of one group.
        places: digits after the point; None: three significant ones.
        note: words that stand directly behind the figure on a page, such as ` (2 diverged)`.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    estimand: str | None = None
    method: str | None = None
    left_out: int | None = None
    median: Mapping[str, Any] | None = None
    groups: Mapping[str, Mapping[str, Any]] | None = None
    places: int | None = None
    note: str = ""

    @property
    def marks(self) -> str:
        """The signs of `bench.results.intervals.MARKS` that apply; a renderer places and escapes them."""
        return SURVIVORS * bool(self.left_out) + GROUPS * bool(self.groups)

    @property
    def figure(self) -> str:
        """The mean as printed."""
        return number(self.mean, self.places)

    def interval(self, dash: str) -> str | None:
        """The bounds as printed, or the medians of the two groups (`medians 65.1 of 6, 9.8 of 2`), or None.

        Args:
            dash: stands between the bounds.
        """
        if self.groups:
            medians = (f"{number(group['mean'], self.places)} of {group['n']}" for group in self.groups.values())
            return "medians " + ", ".join(medians)
        if self.low is None or self.high is None:
            return None
        return f"{number(self.low, self.places)}{dash}{number(self.high, self.places)}"


@dataclass(frozen=True)
class Missing:
    """A figure that does not exist.

    Args:
        reason: why; empty if nobody said it.
        inline: whether a page prints the reason in the place of the figure, because no note says it.
    """

    reason: str = ""
    inline: bool = False


@dataclass(frozen=True)
class Name:
    """The name of an attack, and whether it is a control."""

    text: str
    control: bool = False


@dataclass(frozen=True)
class Link:
    """Words that lead to another file of the report."""

    words: str
    target: str


Cell = Value | Missing | Name | Link | str | int | float | None


@dataclass(frozen=True)
class Column:
    """A column and how it is headed.

    Args:
        title: its header on a page; empty: a page leaves it out.
        short: its header in a terminal; empty: a terminal leaves it out.
        key: its header in a CSV file; empty: a CSV file leaves it out.
        direction: which values are better, `up`, `down`, or empty.
        unit: of its values, or empty.
        align: `l` or `r`.
        figure: whether it holds a `Value` or a `Missing` of the line's result. The reason why a line stopped stands in
            the place of all such columns, which are neighbours. A CSV file writes out all that a `Value` knows.
        bounds: whether a terminal shows the interval too.
        width: a terminal cuts longer words at so many characters; None: it cuts nothing.
        linked: whether it holds links, which only a format that is read beside the other files shows.
        symbol: whether the title is a mathematical symbol.
    """

    title: str = ""
    short: str = ""
    key: str = ""
    direction: str = ""
    unit: str = ""
    align: str = "l"
    figure: bool = False
    bounds: bool = False
    width: int | None = None
    linked: bool = False
    symbol: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Args:
        cells: one per column of the table.
        name: what the line is about, for a sentence below the table.
        stopped: why the work on it stopped early, or None.
        empty: whether it has no figure, so that the reason stands in their place.
    """

    cells: Sequence[Cell]
    name: str = ""
    stopped: str | None = None
    empty: bool = False


@dataclass(frozen=True)
class Table:
    """Columns and lines; `title` heads a table that is not the first of its section."""

    columns: Sequence[Column]
    lines: Sequence[Line]
    title: str = ""


@dataclass(frozen=True)
class Section:
    """Tables that belong together, and the notes below them.

    Args:
        title: its heading below that of the page.
        tables: the first one needs no title.
        notes: plain sentences.
        alone: its heading in a format that prints no title of the page; empty: `title`.
    """

    title: str
    tables: Sequence[Table]
    notes: Sequence[str] = ()
    alone: str = ""


@dataclass(frozen=True)
class Page:
    """What is printed together.

    Args:
        title: of the whole.
        sections: in order.
        method: how the figures were found, for a format that leaves the notes out.
        skipped: a sentence for each file that was not read.
        pictures: `{words: link}`, relative to the page.
    """

    title: str
    sections: Sequence[Section]
    method: str = ""
    skipped: Sequence[str] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)


def marks(table: Table) -> list[str]:
    """The signs at the figures of a table, in the order of `bench.results.intervals.MARKS`; empty lines show none."""
    cells = [cell for line in table.lines if not line.empty for cell in line.cells]
    used = {mark for cell in cells if isinstance(cell, Value) for mark in cell.marks}
    return [mark for mark in MARKS if mark in used]


def number(value: float, places: int | None) -> str:
    """A figure as printed: so many digits after the point, or three significant ones.

    Example:
        >>> number(0.03456, None), number(1.5e-7, None), number(12.345, 1), number(1234.0, 0)
        ('0.0346', '1.50e-07', '12.3', '1,234')
    """
    if places is not None:
        return f"{value:,.{places}f}"
    if value == 0 or 1e-3 <= abs(value) < 999.5:
        return f"{value:#.3g}".rstrip(".")
    return f"{value:.2e}" if abs(value) < 1e-3 or abs(value) >= 1e6 else f"{value:,.0f}"
