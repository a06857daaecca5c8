"""A table for a paper: the chosen columns and rows, ranked, with the best in bold only if the paired test separates it.

The formats are in `bench.report.fragment` (LaTeX), `bench.report.plain_table` (Markdown, HTML) and
`bench.report.csv_file`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.config.suggest import did_you_mean
from bench.errors import UserError
from bench.report import papers
from bench.report.measures import Measure
from bench.report.table import Cell, Column, Line, Missing, Name, Table, Value
from bench.report.table_options import LABELS, SORTED_BY, STANDING, WORDS, TableOptions
from bench.report.table_order import best, measures_of, ranked
from bench.report.table_rows import TableRow, place, table_rows
from bench.report.table_words import Footnotes, Marked, TableGroup, caption, column, noted, notes, said
from bench.results.query import Listing

_FLAT = (*LABELS, "B", "seed", "setting", "victims", "failed", "rank", "paper", *STANDING)  # of the csv
_PARTS = {"": "mean", "_low": "low", "_high": "high", "_n": "n"}  # of a figure in the csv


@dataclass(frozen=True)
class PaperTable:
    """What the formats print.

    Args:
        columns: of the lines.
        groups: in order.
        notes: `(sign, sentence)` below the table; the sign is a letter, a mark of a figure, or empty.
        options: what was asked for.
        caption: the whole sentence.
        flat: the same as one table with all labels, for a program.
        used: the rows, for the papers that they rest on.
        warnings: a sentence for each file that was skipped.
    """

    columns: list[Column]
    groups: list[TableGroup]
    notes: list[tuple[str, str]]
    options: TableOptions
    caption: str
    flat: Table
    used: list[TableRow]
    warnings: list[str]


def paper_table(listing: Listing, options: TableOptions, keys: dict[str, str] | None = None) -> PaperTable:
    """Builds the table.

    Args:
        listing: the cells of a results folder.
        options: what it shows.
        keys: `{attack's displayed name: the key of its paper}`, if attacks are to be cited.

    Raises:
        UserError: a column does not exist, or no row is chosen.
    """
    rows = table_rows(listing.cells, options)
    if not rows:
        raise UserError(f"no row is chosen{_rows_there(listing, options)}")
    known = measures_of(rows)
    shown, without = _columns(options, known)
    by = _sorted_by(options, known)
    grouped = _grouped(rows, options)
    footnotes, several = Footnotes(), len({row.word("threat") for row in rows if not row.first.control}) > 1
    said_elsewhere = {*shown, *options.group}
    setting = _setting_column(rows, shown, said_elsewhere)
    shown = [*shown[:setting], "setting", *shown[setting:]] if setting is not None else shown
    groups, flat = [], []
    constant = _constant(grouped, options)
    for values, members in grouped.items():
        ordered, ranks = ranked(members, by, options)
        bold = {key: best(members, known[key], options) for key in shown if key in known}
        lines = []
        for row in ordered:
            cells = [_cell(row, key, known, ranks, bold, options, said_elsewhere) for key in shown]
            lines.append(noted(row, shown, cells, footnotes, several, keys or {}))
            flat.append(_flat(row, known, shown, ranks))
        heading = ", ".join(
            said(key, value)
            for key, value in zip((*options.group, "threat"), values)
            if key not in constant and key not in shown
        )
        groups.append(TableGroup(heading, lines))
    columns = [column(key, known, options) for key in shown]
    return PaperTable(
        columns,
        groups,
        notes(groups, known, shown, footnotes, options, rows, several),
        options,
        options.caption if options.caption is not None else caption(constant, rows),
        Table(_flat_columns(known, shown), flat),
        rows,
        [*listing.warnings, *without],
    )


def _rows_there(listing: Listing, options: TableOptions) -> str:
    if not listing.cells:
        return ": there are no results; run: leakbench suite quick"
    there = {key: sorted({cell.facts["labels"].get(key, "") for cell in listing.cells}) for key in options.rows}
    said = "; ".join(f"{key}: {', '.join(filter(None, words))}" for key, words in there.items() if any(words))
    return f" (there are {said})" if said else ""


def _columns(options: TableOptions, known: dict[str, Measure]) -> tuple[list[str], list[str]]:
    """The columns that the rows have, and a line about those of the preset that no row has."""
    lacking = [key for key in options.columns if key not in (*WORDS, *known) and papers.measured(key) not in known]
    shown = [key for key in options.columns if key not in lacking]
    figures = set(shown) - set(WORDS)
    wrong = [key for key in lacking if not figures or key not in options.preset_columns]
    if wrong:
        names = [*WORDS, *known, *(papers.REPORTED + one for one in known)]
        raise UserError(f"table: no column {wrong[0]!r}{did_you_mean(wrong[0], names)} (there are {', '.join(names)})")
    said = f"without the columns that no row has: {', '.join(lacking)} (--columns chooses others)"
    return shown, [said] if lacking else []


def _sorted_by(options: TableOptions, known: dict[str, Measure]) -> str | None:
    figures = [key for key in options.columns if key in known]
    if options.sort is None:
        return figures[0] if figures else None
    if options.sort not in known and options.sort not in SORTED_BY:
        names = [*SORTED_BY, *known]
        raise UserError(f"table: sort: no column {options.sort!r}{did_you_mean(options.sort, names)}")
    return options.sort


def _setting_column(rows: Sequence[TableRow], shown: Sequence[str], elsewhere: set[str]) -> int | None:
    """Where the column stands that says what differs between rows of the same names; None if it is not needed."""
    if "setting" in shown or not any(set(row.setting) - elsewhere for row in rows):
        return None
    texts = [at for at, key in enumerate(shown) if key in WORDS]
    return texts[-1] + 1 if texts else 0


def _grouped(rows: Sequence[TableRow], options: TableOptions) -> dict[tuple[str, ...], list[TableRow]]:
    """The rows by what they have in common; a control stands in the groups of every threat model."""
    found: dict[tuple[str, ...], list[TableRow]] = {}
    for row in sorted(rows, key=lambda row: _order(row, options)):
        if not row.first.control:
            found.setdefault(tuple(row.word(key) for key in (*options.group, "threat")), []).append(row)
    for row in rows:
        if row.first.control:
            own = tuple(row.word(key) for key in options.group)
            for group in [key for key in found if key[:-1] == own] or [(*own, row.word("threat"))]:
                found.setdefault(group, []).append(row)
    return found


def _order(row: TableRow, options: TableOptions) -> list[Any]:
    return [
        (
            place(row.word(key), options.rows.get(key, [])),
            row.word(key).rjust(9) if key in ("B", "seed") else row.word(key),
        )
        for key in (*options.group, "threat")
    ]


def _constant(grouped: dict[tuple[str, ...], Any], options: TableOptions) -> dict[str, str]:
    keys = (*options.group, "threat")
    return {key: next(iter(grouped))[at] for at, key in enumerate(keys) if len({group[at] for group in grouped}) == 1}


def _cell(
    row: TableRow,
    key: str,
    known: dict[str, Measure],
    ranks: dict[int, int],
    bold: dict[str, int | None],
    options: TableOptions,
    shown: set[str],
) -> Marked:
    if key in known:
        figure = row.figure(known[key])
        if isinstance(figure, Value) and options.precision is not None:
            figure = replace(figure, places=options.precision)
        return Marked(figure, bold=bold[key] == id(row))
    if measured := papers.measured(key):
        return Marked(_reported(row, known[measured], options))
    return Marked(_text(row, key, ranks, shown))


def _reported(row: TableRow, measure: Measure, options: TableOptions) -> Value | Missing:
    """What a paper reports of the setting of a row beside the measured figure."""
    found = row.first.reported.get(measure.key)
    if found is None:
        return Missing("no paper reports it")
    return Value(found.mean, places=measure.places if options.precision is None else options.precision)


def _text(row: TableRow, key: str, ranks: dict[int, int], shown: set[str]) -> Cell:
    if key == "attack":
        return Name(row.word("attack"), row.first.control)
    if key == "setting":
        return ", ".join(f"{name} {value}" for name, value in row.setting.items() if name not in shown)
    if key == "rank":
        return ranks.get(id(row))
    if key == "victims":
        return sum(one.summary["victims"] for one, _ in row.members)
    if key == "failed":
        return sum(one.summary["failures"] for one, _ in row.members)
    if key == "paper":
        return "; ".join(str(one["value"]) for one in papers.figures_of(row.first.cell.facts) if "value" in one)
    return row.word(key)


def _flat_columns(known: dict[str, Measure], shown: Sequence[str]) -> list[Column]:
    figures = [Column(key=key + part) for key in shown if key in known for part in _PARTS]
    return [Column(key=key) for key in _FLAT] + figures + [Column(key=key) for key in filter(papers.measured, shown)]


def _flat(row: TableRow, known: dict[str, Measure], shown: Sequence[str], ranks: dict[int, int]) -> Line:
    cells: list[Cell] = [_text(row, key, ranks, set()) for key in _FLAT]
    for key in shown:
        if key in known:
            figure = row.figure(known[key])
            cells += [getattr(figure, part, None) for part in _PARTS.values()]
    cells += [
        found.mean if (found := row.first.reported.get(key)) else None for key in map(papers.measured, shown) if key
    ]
    return Line(cells)
