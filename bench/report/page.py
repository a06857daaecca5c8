"""The report: reads a results folder, writes the leaderboard in four forms and a picture a cell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.errors import UserError
from bench.report import figures, tables
from bench.report.leaderboard import leaderboard
from bench.report.tex import tex
from bench.results import query
from bench.results.atomic import unwritable, write_bytes, write_text


@dataclass(frozen=True)
class Report:
    """What was made.

    Args:
        paths: the files written, the leaderboards first.
        text: the boards for a terminal.
        warnings: a sentence for each file among the results that was skipped; for stderr.
        summaries: the document of each cell, in the order of the boards (see `bench.results.summary`).
    """

    paths: list[Path]
    text: str
    warnings: list[str]
    summaries: list[dict[str, Any]]


def write(root: Path, out: Path | None = None) -> Report:
    """Write `leaderboard.md`, `.csv`, `.tex` and `grids/SLUG-IDENTITY.png` to `out` (None: to `root`).

    Raises:
        UserError: there are no results, or the files cannot be written.
    """
    root = Path(root)
    folder = root if out is None else Path(out)
    listing = query.cells(root)
    if not listing.cells:
        skipped = f" ({len(listing.warnings)} skipped: {listing.warnings[0]})" if listing.warnings else ""
        raise UserError(f"no results in {root}{skipped}; name another folder or run: leakbench suite quick")
    board = leaderboard(listing)
    try:
        (folder / "grids").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    pictures, links = [], {}
    for row in board.rows:
        picture = figures.grid(row.cell)
        if picture is not None:
            path = folder / "grids" / f"{row.cell.folder.name}.png"
            write_bytes(path, picture)
            pictures.append(path)
            links[row.cell.folder] = quote(f"grids/{path.name}")
    pages = {"md": tables.markdown(board, links), "csv": tables.csv_text(board), "tex": tex(board)}
    for suffix, content in pages.items():
        write_text(folder / f"leaderboard.{suffix}", content)
    paths = [folder / f"leaderboard.{suffix}" for suffix in pages]
    return Report([*paths, *pictures], tables.text(board), board.warnings, [row.summary for row in board.rows])
