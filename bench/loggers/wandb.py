"""Logs cells to Weights & Biases: offline by default, with all files inside the results folder."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import wandb

from bench.errors import Unwritable, UserError
from bench.host import signals
from bench.loggers.base import CellLogger, Run
from bench.loggers.content import content
from bench.loggers.offline_run import settled_fault
from bench.loggers.wandb_run import Account, about, artifact, begun, tell
from bench.loggers.wandb_server import has_key
from bench.results.row_files import row_files
from bench.results.stored_cell import StoredCell
from bench.storage.atomic import unwritable

if TYPE_CHECKING:  # it draws, and only the end of a suite needs that
    from bench.report.page import Report

MODES = ("offline", "online", "disabled")


class Wandb(CellLogger):
    """Reports each cell as one run in the group of its suite, and the leaderboard of a suite as one more run.

    docs/wandb.md describes every key. The id of a run is the cell's identity; if a cell is extended or resumed, the
    whole cell is reported again under the same id. All files of a run are in `RESULTS/wandb`.

    Args:
        mode: `offline`, `online` or `disabled`.
        project: the project of an online or synced run.
        entity: its entity; None is the account's default.
        pictures: whether private images and sentences and their reconstructions are reported.

    Raises:
        UserError: `mode` is unknown, or it is online without a key, for which W&B would prompt.
    """

    def __init__(self, mode: str, project: str, entity: str | None, pictures: bool) -> None:
        if mode not in MODES:
            raise UserError(f"logger.mode={mode!r} (or WANDB_MODE): want {', '.join(MODES)}")
        if mode == "online" and not has_key():
            raise UserError("logger.mode=online needs a key: run wandb login, set WANDB_API_KEY, or leave it offline")
        self.account, self.pictures = Account(cast(Any, mode), project, entity), pictures
        self.run: wandb.Run | None = None

    def open(self, run: Run) -> None:
        """Starts the run of a cell.

        Raises:
            Unwritable: the run cannot be written to the results folder.
        """
        self._begin(run.results, about(run, private=self.pictures))

    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Reports what `bench.loggers.content` has of the cell, and its rows as an artifact; then closes the run.

        Raises:
            Unwritable: the run on disk is not whole.
        """
        run = self._open()
        try:
            tell(run, content(cell, summary, private=self.pictures))
            if self.account.mode != "disabled":
                rows = row_files(cell, private=self.pictures)
                run.log_artifact(artifact(f"rows-{cell.identity}", "leakbench-rows", rows, cell=cell.folder.name))
            self._close(run, cell.folder.name)
        except OSError as error:
            raise unwritable(self.home, error) from error

    def board(self, results: Path, group: str, made: Report, home: Path | None = None) -> None:
        """Reports the leaderboard of a suite as a run of the suite's group, unless it has been reported already.

        Args:
            results: the results folder.
            group: the suite.
            made: the report of this folder.
            home: the folder that the run is written to; None: the results folder.

        Raises:
            Unwritable: the run on disk is not whole.
        """
        from bench.loggers import wandb_board

        files = wandb_board.files(results, made, private=self.pictures)
        if self.account.mode == "disabled" or (home is None and wandb_board.told(results, group, files)):
            return
        try:
            run = self._begin(home or results, wandb_board.about(results, group, private=self.pictures))
            wandb_board.tell(run, results, group, made, files)
            self._close(run, f"the board of {group}")
            if home is None:
                wandb_board.keep(results, group, files)
        except OSError as error:
            raise unwritable(self.home, error) from error
        finally:
            self.drop()

    def drop(self) -> None:
        """Closes the run that is open, so that it has an end whatever happened, and the next cell starts afresh."""
        if self.run is not None:
            with suppress(Exception):
                self.run.finish(exit_code=1)
            self.run = None

    def _begin(self, results: Path, what: Mapping[str, Any]) -> wandb.Run:
        self.home = results / "wandb"
        try:
            with signals.held():  # a run that is begun is known here, so that it gets an end
                self.run = begun(self.account, results, **what)
        except OSError as error:
            raise unwritable(self.home, error) from error
        return self.run

    def _open(self) -> wandb.Run:
        assert self.run is not None, "`open` comes first"
        return self.run

    def _close(self, run: wandb.Run, name: str) -> None:
        """Closes the run, and makes sure that it is whole on disk."""
        run.finish()
        self.run = None
        if self.account.mode == "offline" and (why := settled_fault(Path(run.settings.sync_file))):
            what = f"cannot write {self.home}: the run of {name} is not whole there ({why})"
            raise Unwritable(f"{what}; make room and give the same command again, or choose another results=DIR")
