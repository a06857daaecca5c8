"""The run of W&B that stands at the end of a suite: the leaderboard as a table, and the results as an artifact."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wandb

from bench.loggers import wandb_run
from bench.report import page
from bench.report.page import Report
from bench.report.table import Cell, Missing, Name, Table, Value
from bench.results import store
from bench.results.kinds import KINDS
from bench.results.row_files import digest, row_files
from bench.results.stored_cell import ExampleTable, StoredCell
from bench.storage.atomic import write_text
from bench.storage.file_name import file_name

LEADERBOARD, TRADEOFF = "table/leaderboard", "table/tradeoff"
TYPE = "leakbench-results"  # of the artifact
_FORMS = {".html", ".md", ".csv", ".tex"}  # the files of a report that go into the artifact
_TRADEOFF = ["board", "defense", "attack", "accuracy", "accuracy_low", "accuracy_high", "leak", "leak_low", "leak_high"]


def cells(results: Path) -> list[StoredCell]:
    """All cells of a results folder, of every kind, in the order of their folders' names."""
    return [cell for kind in KINDS for cell in store.cells(results, kind)[0]]


def identity(results: Path, group: str) -> str:
    """The id of the run: that of a suite and of the cells in its results folder, 16 hexadecimal digits."""
    named = [group, *sorted(cell.identity for cell in cells(results))]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:16]


def about(results: Path, group: str, *, private: bool) -> dict[str, Any]:
    """What W&B is told of the run before it begins.

    Args:
        results: the results folder.
        group: the suite.
        private: whether private examples are going to be told, which the config says.
    """
    return {
        "name": f"board {group}",
        "id": identity(results, group),
        "group": group,
        "job_type": "board",
        "tags": ["board"],
        "config": {"suite": group, "cells": len(cells(results)), "pictures": private},
    }


def files(results: Path, made: Report, *, private: bool) -> list[tuple[str, bytes]]:
    """Path and content of what the artifact holds: the report, and of each cell its record and its rows.

    Args:
        results: the results folder.
        made: the report of this folder.
        private: whether private examples and their reconstructions stay; if not, the report is written again without.
    """
    rows = [file for cell in cells(results) for file in row_files(cell, private=private)]
    if private or not made.private:
        return [*_report(made), *rows]
    with tempfile.TemporaryDirectory(prefix="leakbench-") as folder:
        return [*_report(page.write(results, Path(folder), pictures=False)), *rows]


def tell(run: wandb.Run, results: Path, group: str, made: Report, kept: Sequence[tuple[str, bytes]]) -> None:
    """Reports the leaderboard, what defences cost, and the artifact, whose metadata name the artifact of each cell.

    W&B cannot record offline that a run uses an artifact (`use_artifact` asks the server), so a list of names and
    digests stands in the metadata.

    Args:
        run: the run.
        results: the results folder.
        group: the suite.
        made: the report of this folder.
        kept: of `files`.
    """
    board = wandb_run.table(leaderboard(made.raw))
    run.log({LEADERBOARD: board})
    if made.tradeoffs and (points := tradeoff(made.tradeoffs)).rows:
        run.log({TRADEOFF: wandb_run.table(points)})
    stopped = sum("cell" in summary["reasons"] for summary in made.summaries)
    run.summary.update({"count/cells": len(made.summaries), "count/failed_cells": stopped})
    lineage = [_used(cell, kept) for cell in cells(results)]
    whole = wandb_run.artifact(f"results-{file_name(group, 'suite')}", TYPE, kept, suite=group, made_from=lineage)
    whole.add(wandb_run.table(leaderboard(made.raw)), "leaderboard")
    run.log_artifact(whole)


def leaderboard(raw: Table) -> ExampleTable:
    """The leaderboard as a flat table: a figure has its bounds in columns of their own; empty columns are left out."""
    columns: dict[str, list[Any]] = {}
    for place, column in enumerate(raw.columns):
        cells_ = [line.cells[place] for line in raw.lines]
        columns[column.key] = [_plain(cell) for cell in cells_]
        if column.figure:
            columns[f"{column.key}_low"] = [cell.low if isinstance(cell, Value) else None for cell in cells_]
            columns[f"{column.key}_high"] = [cell.high if isinstance(cell, Value) else None for cell in cells_]
    kept = {key: values for key, values in columns.items() if key and any(value is not None for value in values)}
    return ExampleTable([*kept], [list(row) for row in zip(*kept.values())])


def tradeoff(boards: Sequence[dict[str, Any]]) -> ExampleTable:
    """Leakage and accuracy of each defence that was trained, one row per defence and board."""
    rows = []
    for board in boards:
        for point in (board["plot"] or {}).get("points", ()):
            figures = [point[name][bound] for name in ("accuracy", "leak") for bound in ("mean", "low", "high")]
            rows.append([board["title"], point["title"], point["attack"], *figures])
    return ExampleTable(_TRADEOFF, rows)


def told(results: Path, group: str, kept: Sequence[tuple[str, bytes]]) -> bool:
    """Whether a board with these files was reported before."""
    mark = _mark(results, group)
    return mark.is_file() and mark.read_text(encoding="utf-8").strip() == _rows_digest(kept)


def forget(results: Path, group: str) -> None:
    """Makes the board be reported again."""
    _mark(results, group).unlink(missing_ok=True)


def keep(results: Path, group: str, kept: Sequence[tuple[str, bytes]]) -> None:
    """Notes that the board with these files is reported."""
    write_text(_mark(results, group), _rows_digest(kept) + "\n")


def _mark(results: Path, group: str) -> Path:
    return results / "wandb" / f"board-{identity(results, group)}.sha256"


def _rows_digest(kept: Sequence[tuple[str, bytes]]) -> str:
    """Of the rows alone: a report that is written again differs, though it says the same."""
    return digest([(name, content) for name, content in kept if name.startswith("cells/")])


def _report(made: Report) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in made.paths if path.suffix in _FORMS]


def _used(cell: StoredCell, kept: Sequence[tuple[str, bytes]]) -> str:
    """The name of a cell's artifact and the digest in its metadata; one text, because W&B counts the keys of metadata.

    The run of the cell has the second half of the name as its id.
    """
    own = [(name, content) for name, content in kept if name.startswith(f"cells/{cell.folder.name}/")]
    return f"rows-{cell.identity} sha256:{digest(own)}"


def _plain(cell: Cell) -> Any:
    match cell:
        case Value():
            return cell.mean
        case Name():
            return cell.text
        case Missing():
            return None
        case _:
            return cell
