"""The report: reads a results folder, writes the leaderboard in five forms, and pictures or sentences a cell."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.errors import UserError
from bench.report import (
    csv_file,
    defenses,
    defenses_csv,
    figures,
    latex,
    leaderboard,
    markdown,
    pareto,
    reproduction,
    sentences,
    strengths,
    terminal,
)
from bench.report import drawn as stamps
from bench.report.html.data import collect
from bench.report.html.render import PlainTables, render
from bench.report.html.tradeoff import tradeoffs
from bench.report.measured import measured_cells, measured_tables
from bench.report.rows import Row
from bench.report.table import Page, Table
from bench.results import query, store
from bench.results.defense_result import DefenseBoard
from bench.results.join import boards
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_labels import StoredLabels
from bench.results.stored_limits import StoredLimits
from bench.results.stored_training import StoredTraining
from bench.storage.atomic import unwritable, write_bytes, write_text
from bench.storage.file_name import file_name


@dataclass(frozen=True)
class Report:
    """What was made.

    Args:
        paths: the files written, tables first.
        text: the boards for a terminal.
        warnings: a sentence for each file among the results that was skipped; for stderr.
        summaries: the document of each cell, in the order of the boards (see `bench.results.summary`),
            then of each cell of label inference.
        page: the page that shows everything, which is the last of `paths`.
        private: whether the files show private examples.
        raw: one line per cell with everything that is known of it (see `leaderboard.raw`).
        tradeoffs: the boards of defences as plain data (see `bench.report.html.tradeoff.tradeoffs`).
    """

    paths: list[Path]
    text: str
    warnings: list[str]
    summaries: list[dict[str, Any]]
    page: Path
    private: bool
    raw: Table
    tradeoffs: list[dict[str, Any]]


def write(root: Path, out: Path | None = None, pictures: bool = True, config_dir: Path | None = None) -> Report:
    """Write `leaderboard.md`, `.csv`, `.tex`, `grids/SLUG-IDENTITY.png` and `index.html` to `out` (None: to `root`).

    A picture that shows what it would show again is left as it is.

    Where sentences were attacked, also `sentences.md` and `.tex`, in place of pictures.

    Where label rules were measured, also `labels.md`, `.csv`, `.tex`, and where limits were, `limits.md`, `.csv`,
    `.tex`; without an attack, no leaderboard.

    Where a suite was run that has the figures of a paper, also `papers.md`, `.csv`, `.tex`.

    Where more than one defence was tried, also `defenses.md`, `.csv`, `.tex`, `pareto-DATA.png` and
    `strengths-ATTACK-DATA.png`.

    Args:
        root: the results folder.
        out: where the files go.
        pictures: whether private examples, as pictures or in words, are shown in any file. The files of an earlier
            report stay.
        config_dir: a folder with suites of the user's own, whose papers are looked up there.

    Raises:
        UserError: there are no results, or the files cannot be written.
    """
    root = Path(root)
    folder = root if out is None else Path(out)
    listing = query.cells(root)
    measured, lost = measured_cells(root)
    if not listing.cells and not any(measured.values()):
        skipped = f" ({len(listing.warnings)} skipped: {listing.warnings[0]})" if listing.warnings else ""
        raise UserError(f"no results in {root}{skipped}; name another folder or run: leakbench suite quick")
    board = leaderboard.leaderboard(listing)
    try:
        (folder / "grids" if pictures else folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    grids, links = [], {}
    for row in board.rows if pictures else ():
        path = folder / "grids" / f"{row.cell.folder.name}.png"
        if _drawn(path, figures.stamp(row.cell, row.stored), functools.partial(_grid, row)):
            grids.append(path)
            links[row.cell.folder] = quote(os.fsencode(f"grids/{path.name}"))
    spoken = sentences.sections(board.rows) if pictures else []
    links |= {one.folder: f"sentences.md#{one.anchor}" for one in spoken}
    scores = leaderboard.page(board, links)
    raw = leaderboard.raw(board)
    paths = _tables(folder, "leaderboard", scores, raw) if listing.cells else []
    trainings, strays = store.cells(root, StoredTraining)
    read = {row.cell.folder: row.stored for row in board.rows}
    compared = boards(
        listing.cells,
        trainings,
        read,
        limits=measured[StoredLimits],
        line_ups=measured[StoredIdentification],
        label_cells=measured[StoredLabels],
    )
    texts = [terminal.text(scores)] if listing.cells else []
    if compared:
        drawn = _draw(folder, compared, pictures)
        costs = defenses.page(compared, {words: quote(name) for words, name in drawn.items()})
        paths += _tables(folder, "defenses", costs, defenses_csv.raw(compared))
        grids += [folder / name for name in drawn.values()]
        texts.append(terminal.text(costs))
    counted: list[dict[str, Any]] = []
    below = []
    for tables in measured_tables(measured):
        below.append(PlainTables(tables.heading, tables.about, tables.page))
        paths += _tables(folder, tables.name, tables.page, tables.raw)
        texts.append(terminal.text(tables.page))
        counted += tables.summaries
    cited = reproduction.sections(root, config_dir)
    if cited:
        beside = reproduction.page(cited, board.rows)
        below.append(PlainTables("Beside the paper. ", reproduction.ABOUT, beside))
        paths += _tables(folder, "papers", beside, reproduction.raw(cited, board.rows))
        texts.append(terminal.text(beside))
    if spoken:
        paths += _written(
            folder, "sentences", {"md": sentences.markdown(spoken), "tex": sentences.sentences_tex(spoken)}
        )
        texts.append(sentences.text(spoken))
    text = "\n\n".join(filter(None, texts))
    shown, prices = collect(board, root, pictures), tradeoffs(compared)
    paths += [*grids, *_written(folder, "index", {"html": render(shown, prices, below)})]
    summaries = [row.summary for row in board.rows] + counted
    return Report(paths, text, board.warnings + strays + lost, summaries, paths[-1], shown.private, raw, prices)


def _grid(row: Row, of: str) -> bytes | None:
    return figures.grid(row.cell, rows=row.stored, of=of)


def _drawn(path: Path, of: str | None, draw: Callable[[str], bytes | None]) -> bool:
    """Whether the picture with this stamp (None: there is nothing to draw) lies at `path`, drawn where it did not."""
    if of is None:
        return False
    if stamps.kept(path, of):
        return True
    picture = draw(of)
    if picture is not None:
        write_bytes(path, picture)
    return picture is not None


def _written(folder: Path, name: str, pages: dict[str, str]) -> list[Path]:
    """Writes each form of a page; the files."""
    for suffix, content in pages.items():
        write_text(folder / f"{name}.{suffix}", content)
    return [folder / f"{name}.{suffix}" for suffix in pages]


def _tables(folder: Path, name: str, content: Page, raw: Table) -> list[Path]:
    """Writes a page of tables in every format, and its raw numbers; the files."""
    forms = {"md": markdown.page(content), "csv": csv_file.text(raw), "tex": latex.page(content)}
    return _written(folder, name, forms)


def _draw(folder: Path, compared: list[DefenseBoard], private: bool) -> dict[str, str]:
    """The pictures of the defences, with those that show private examples or without: `{words: name of the file}`."""
    drawn = {}
    for number, board in enumerate(compared, 1):
        where = file_name(board.data, "data") + (f"-{number}" if len(compared) > 1 else "")
        made = {
            f"leakage against accuracy, {board.data}": (
                f"pareto-{where}.png",
                pareto.stamp(board),
                functools.partial(pareto.pareto, board),
            )
        }
        for attack in board.attacks if private else ():
            made[f"{attack} over strengths, {board.data}"] = (
                f"strengths-{file_name(attack, 'attack')}-{where}.png",
                strengths.stamp(board, attack),
                functools.partial(strengths.strengths, board, attack),
            )
        for words, (name, of, draw) in made.items():
            if _drawn(folder / name, of, draw):
                drawn[words if len(compared) == 1 else f"{words} ({number})"] = name
    return drawn
