"""The leaderboard: one board per threat model and kind of data, the controls in each, ranked per data set.

The boards become tables here; `bench.report.table` says what a table is, and a renderer per format prints it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from bench.modalities.base import Modality
from bench.report import papers
from bench.report.measures import Measure, measures
from bench.report.notes import notes
from bench.report.rows import Row, figure, rank, read
from bench.report.seeds import NOTE, means_over_seeds
from bench.report.table import Cell, Column, Line, Link, Name, Page, Section, Table, Value, marks
from bench.report.table_rows import TableRow
from bench.results import query
from bench.results.intervals import methods

_LABELS = ("attack", "data", "model", "defense")
_PROVENANCE = ("seed", "commit", "torch", "device")
_STANDING = ("leakbench", "division", "division_reason", "origin")  # columns of the csv
# Longer names are cut in a terminal, so that a line stays below 120 columns.
_NAME_WIDTH, _DEFENSE_WIDTH = 18, 22


@dataclass(frozen=True)
class Board:
    """The rows of one threat model, all of one kind of data, and the notes below them."""

    threat: str
    modality: Modality
    rows: list[Row]
    foot: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Its heading."""
        return f"{self.modality.heading}: {self.threat}"

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Its columns with a figure in them: those of batches only if it has some."""
        several = any((row.batch or 1) > 1 for row in self.rows)
        found = measures(self.modality, [row.columns for row in self.rows])
        return tuple(measure for measure in found if several or not measure.batches)

    @cached_property
    def scores(self) -> Table:
        """Who scored what."""
        return Table(self._columns("victims"), [self._line(row) for row in self.rows])

    @cached_property
    def means(self) -> list[TableRow]:
        """The cells that differ in their seeds only, together; without those of which there is one seed."""
        return means_over_seeds(self.rows)

    def over_seeds(self) -> Table:
        """The means over seeds."""
        lines = []
        for row in self.means:
            words = [row.word(label) for label in _LABELS[1:]]
            counts = [sum(one.summary[key] for one, _ in row.members) for key in ("victims", "failures")]
            head = [Name(row.word("attack"), row.first.control), *words, row.first.batch, row.word("seed"), *counts]
            lines.append(Line([*head, *(row.figure(measure) for measure in self.measures)], row.first.name))
        return Table(self._columns("seeds", "victims"), lines, "Means over seeds")

    def _columns(self, *counts: str) -> list[Column]:
        defended = len({row.summary["defense"] for row in self.rows}) > 1
        words = {"victims": "n"}  # in a terminal
        return [
            Column("attack", short="attack", width=_NAME_WIDTH),
            Column("data", short="data", width=_NAME_WIDTH),
            Column("model"),
            Column("defense", short="defense" if defended else "", width=_DEFENSE_WIDTH),
            Column("B", short="B" if self.modality.by_batch else "", align="r", symbol=True),
            *(Column(key, short=words.get(key, key), align="r") for key in counts),
            Column("failed", short="failed", align="r"),
            *(_column(measure) for measure in self.measures),
            Column("paper" if any(row.paper for row in self.rows) and "seeds" not in counts else ""),
        ]

    def _line(self, row: Row) -> Line:
        summary = row.summary
        failed = summary["failures"] if summary["victims"] else "-"
        head = [Name(summary["attack"], row.control), *(summary[label] for label in _LABELS[1:]), row.batch]
        figures = [figure(measure, row) for measure in self.measures]
        return Line([*head, summary["victims"], failed, *figures, row.paper], row.name, row.stopped, row.empty)

    def provenance(self, links: Mapping[Path, str]) -> Table:
        """Where the figures come from.

        Args:
            links: `{folder of a cell: its picture or its sentences}`, relative to the page.
        """
        words, what = self.modality.linked
        columns = [
            Column("attack"),
            Column("data"),
            *(Column(key, align="r" if key == "seed" else "l") for key in _PROVENANCE),
            Column("leakbench" if len({row.provenance["leakbench"] for row in self.rows}) > 1 else ""),
            Column("division"),
            Column("origin" if any(row.origin for row in self.rows) else ""),
            Column("work", unit="s", align="r"),
            Column("how victims ended"),
            Column(what, linked=True),
        ]
        lines = []
        for row in self.rows:
            wall, link = row.provenance["wall"], links.get(row.cell.folder)
            lines.append(
                Line(
                    [
                        Name(row.summary["attack"], row.control),
                        row.summary["data"],
                        *(row.provenance[key] for key in _PROVENANCE),
                        row.provenance["leakbench"],
                        row.division.word,
                        row.origin,
                        None if wall is None else Value(wall),
                        ", ".join(f"{count} {word}" for word, count in row.statuses.items()),
                        Link(words, link) if link else None,
                    ]
                )
            )
        return Table(columns, lines, "Where the figures come from")


@dataclass(frozen=True)
class Leaderboard:
    """All boards, each row once (`rows`, in order), and a sentence for each file that was skipped."""

    boards: list[Board]
    rows: list[Row]
    warnings: list[str]


def leaderboard(listing: query.Listing) -> Leaderboard:
    """Read every cell of `listing` and arrange them in boards."""
    rows, warnings = [], list(listing.warnings)
    for cell in listing.cells:
        stored = query.rows(cell)
        warnings += stored.warnings
        rows.append(read(cell, stored))
    rows.sort(key=rank)
    kinds = {row.modality.name: row.modality for row in rows}
    tried = {_board_of(row) for row in rows if not row.control}
    # controls stand in the boards of others; a kind of which there is nothing else has boards of its own
    tried |= {_board_of(row) for row in rows if row.modality.name not in {kind for kind, _ in tried}}
    boards = []
    for kind, threat in sorted(tried):
        own = [row for row in rows if _board_of(row) == (kind, threat)]
        sets = {row.summary["data"] for row in own}
        shown = [
            row
            for row in rows
            if row in own or (row.control and row.modality is kinds[kind] and row.summary["data"] in sets)
        ]
        board = Board(threat, kinds[kind], shown)
        boards.append(replace(board, foot=notes(shown, own, marks(board.scores))))
    return Leaderboard(boards, rows, warnings)


def _board_of(row: Row) -> tuple[str, str]:
    """The kind of data and the threat model that a row is about."""
    return row.modality.name, row.summary["threat"]


def page(found: Leaderboard, links: Mapping[Path, str]) -> Page:
    """The boards as they are printed.

    Args:
        found: what to print.
        links: `{folder of a cell: its picture or its sentences}`, relative to the page.
    """
    sections = [_section(each, links) for each in found.boards]
    method = methods(errors=any(each.modality.squared for each in found.boards))
    return Page("Leaderboard", sections, method, found.warnings)


def _section(board: Board, links: Mapping[Path, str]) -> Section:
    if not board.means:
        return Section(board.title, [board.scores, board.provenance(links)], board.foot)
    return Section(board.title, [board.scores, board.over_seeds(), board.provenance(links)], [*board.foot, NOTE])


def raw(found: Leaderboard) -> Table:
    """One line per cell (controls once) with everything that is known of it, for a program.

    The figures are those of every kind of data that the results are about.
    """
    kinds = dict.fromkeys(each.modality for each in found.boards)
    found_measures = [measures(kind, [row.columns for row in found.rows if row.modality is kind]) for kind in kinds]
    shown = list({measure.key: measure for each in found_measures for measure in each}.values())
    keys = ["threat", *_LABELS, "control", "batch_size", "victims", "failures"]
    last = [*_PROVENANCE, "wall_seconds", "statuses", "repeated", "paper", "reason", *_STANDING, "identity"]
    columns = [Column(key=key) for key in keys]
    columns += [_column(measure) for measure in shown]
    reported = [measure.key for measure in shown if any(measure.key in row.reported for row in found.rows)]
    columns += [Column(key=papers.REPORTED + key) for key in reported]
    columns += [Column(key=key) for key in last]
    lines = []
    for row in found.rows:
        cells: list[Cell] = [row.summary[word] for word in ("threat", *_LABELS)]
        cells += [int(row.control), row.batch, row.summary["victims"], row.summary["failures"]]
        cells += [figure(measure, row) for measure in shown]
        cells += [row.reported[key].mean if key in row.reported else None for key in reported]
        cells += [*(row.provenance[key] for key in _PROVENANCE), row.provenance["wall"]]
        cells += [" ".join(f"{word}={count}" for word, count in row.statuses.items()), row.repeated, row.paper]
        standing = [row.provenance["leakbench"], row.division.word, row.division.reason, row.origin]
        lines.append(Line([*cells, row.stopped, *standing, row.cell.identity]))
    return Table(columns, lines)


def _column(measure: Measure) -> Column:
    return Column(
        title=measure.title,
        short=measure.short,
        key=measure.key,
        direction=measure.better,
        unit=measure.unit,
        align="r",
        figure=True,
        bounds=measure.bounds,
    )
