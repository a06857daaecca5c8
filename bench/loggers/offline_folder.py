"""The offline runs of W&B in a results folder: compared with the store, and told again from it if need be."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from bench.errors import UserError
from bench.loggers import told_run, wandb_board
from bench.loggers.base import run_of
from bench.loggers.content import content
from bench.loggers.offline_run import fault
from bench.loggers.told_run import ToldRun
from bench.loggers.wandb import Wandb
from bench.report import page
from bench.results import query
from bench.results.stored_cell import StoredCell

BOARD = "board"
_DEFAULT = "leakbench"  # the project of a run whose file does not say it
_SYNCED = ".synced"  # W&B puts it behind the name of a file that is uploaded


@dataclass(frozen=True)
class OfflineRun:
    """The latest offline run of a cell or of a board.

    Args:
        file: its log.
        name: the folder of the cell, or `board GROUP`.
        cell: the cell; None for a board.
        group: the suite, if any.
        project, entity: where it goes.
        private: whether private examples were to be told.
        shows: whether there are some.
        rows, images: how many it has.
        wanted_rows, wanted_images: how many the store has.
        fault: what is wrong with its files, or None.
        synced: whether it is uploaded.
    """

    file: Path
    name: str
    cell: StoredCell | None
    group: str | None
    project: str
    entity: str | None
    private: bool
    shows: bool
    rows: int
    images: int
    wanted_rows: int
    wanted_images: int
    fault: str | None
    synced: bool

    @property
    def lacks(self) -> str | None:
        """What it lacks, in a few words, or None."""
        if self.fault:
            return self.fault
        counted = (("rows", self.rows, self.wanted_rows), ("images", self.images, self.wanted_images))
        gaps = [f"{has} of {wants} {what}" for what, has, wants in counted if has != wants]
        return f"it has {' and '.join(gaps)}" if gaps else None


def offline_runs(results: Path) -> tuple[list[OfflineRun], list[str]]:
    """The latest offline run of each cell and each board, and a sentence for each run that belongs to none.

    Raises:
        UserError: the folder has no offline run.
    """
    cells = {cell.identity: cell for cell in wandb_board.cells(results)}
    found, strays = [], []
    for identity, file in _latest(results).items():
        told = _read(file)
        if identity in cells:
            found.append(_of_cell(cells[identity], file, told))
        elif told is not None and told.job == BOARD:
            if told.identity == wandb_board.identity(results, told.group):
                found.append(_of_board(results, file, told))
            else:
                strays.append(f"{file.parent.name} is a board of other cells than those of {results}; it is left out")
        else:
            strays.append(f"{file.parent.name} belongs to no cell of {results}; it is left out")
    if not found:
        raise UserError(f"no offline run of W&B in {results / 'wandb'}; run a suite with logger=wandb first")
    return sorted(found, key=lambda run: (run.cell is None, run.name)), strays


def retell(results: Path, run: OfflineRun, *, private: bool, home: Path | None = None) -> OfflineRun:
    """Tells a run again, from the store.

    Args:
        results: the results folder.
        run: the run.
        private: whether private examples are told.
        home: the folder that the run is written to; None: the results folder.

    Returns:
        The new run.

    Raises:
        Unwritable: the run cannot be written.
    """
    logger = Wandb("offline", run.project, run.entity, pictures=private)
    home = home or results
    if run.cell is not None:
        logger.open(run_of(run.cell, home, run.group))
        logger.finish(run.cell, run.cell.summary())
    elif private:
        wandb_board.forget(results, run.group or "")
        logger.board(results, run.group or "", page.write(results), home)
    else:
        with tempfile.TemporaryDirectory(prefix="leakbench-") as folder:
            made = page.write(results, Path(folder), pictures=False)
            logger.board(results, run.group or "", made, home)
    identity = run.cell.identity if run.cell else wandb_board.identity(results, run.group or "")
    file = _latest(home)[identity]
    told = told_run.read(file)
    return _of_cell(run.cell, file, told) if run.cell else _of_board(results, file, told)


def mark_synced(run: OfflineRun) -> None:
    """Notes, as W&B does, that a run is uploaded."""
    run.file.with_name(run.file.name + _SYNCED).touch()


def is_synced(file: Path) -> bool:
    """Whether W&B has noted that a run is uploaded."""
    return file.with_name(file.name + _SYNCED).exists()


def _latest(results: Path) -> dict[str, Path]:
    """The latest file of each id, `{id: file}`; the names of the folders begin with the time."""
    files = sorted(results.glob("wandb/offline-run-*/run-*.wandb"))
    return {file.stem.removeprefix("run-"): file for file in files}


def _read(file: Path) -> ToldRun | None:
    try:
        return told_run.read(file)
    except (OSError, ValueError, DecodeError):
        return None


def _of_cell(cell: StoredCell, file: Path, told: ToldRun | None) -> OfflineRun:
    config = cell.facts.get("config") or {}
    # a file that cannot be read says nothing; what the cell's config does not allow is kept back
    private = _private(told) if told else bool((config.get("logger") or {}).get("pictures"))
    expected = content(cell, cell.summary(), private=private)
    return OfflineRun(
        name=cell.folder.name,
        cell=cell,
        private=private,
        shows=expected.images > 0 or any(_words(row, expected.table.columns) for row in expected.table.rows),
        wanted_rows=len(expected.table.rows),
        wanted_images=expected.images,
        **_common(file, told, config),
    )


def _of_board(results: Path, file: Path, told: ToldRun) -> OfflineRun:
    private = _private(told)
    return OfflineRun(
        name=f"{BOARD} {told.group}",
        cell=None,
        private=private,
        shows=private,  # in the page
        wanted_rows=len(query.cells(results).cells),
        wanted_images=0,
        **_common(file, told, {}),
    )


def _common(file: Path, told: ToldRun | None, config: dict[str, Any]) -> dict[str, Any]:
    broken = fault(file) or (None if told and told.ended else "it did not end well")
    return {
        "file": file,
        "group": (told.group if told else config.get("suite")) or None,
        "project": told.project if told else _DEFAULT,
        "entity": (told.entity if told else None) or None,
        "rows": told.rows if told else 0,
        "images": told.images if told else 0,
        "fault": broken,
        "synced": is_synced(file),
    }


def _private(told: ToldRun) -> bool:
    """Whether a run was to tell private examples; earlier versions did not write it down."""
    return bool(told.config.get("pictures", told.images > 0))


def _words(row: list[Any], columns: list[str]) -> bool:
    """Whether a row of a table holds a private sentence."""
    return "truth" in columns and isinstance(row[columns.index("truth")], str)
