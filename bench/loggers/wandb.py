"""Logs cells to Weights & Biases: offline by default, with all files inside the results folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import wandb
from pytorch_lightning.loggers import WandbLogger

from bench.errors import Unwritable, UserError
from bench.loggers.base import CellLogger, Run, curves, scores
from bench.loggers.offline_run import settled_fault
from bench.results.store import StoredCell
from bench.storage.atomic import unwritable
from bench.storage.portable import portable

MODES = ("offline", "online", "disabled")
TABLE = "table/examples"  # the slash keeps it apart from the names of scores: W&B keeps one value per name


class Wandb(CellLogger):
    """Reports each cell as one run in the group of its suite.

    A run has the config, the curves of the objective, a table of examples, and the summary. The table shows the truth
    and the reconstruction of the first victims, as images or in words. The id of the run is the cell's identity; if a
    cell is extended or resumed, the whole cell is reported again under the same id. All files of a run are in
    `RESULTS/wandb`, so that the folder can be moved and uploaded with `wandb sync`.

    Args:
        mode: `offline`, `online` or `disabled`.
        project: the project of an online or synced run.
        entity: its entity; None is the account's default.

    Raises:
        UserError: `mode` is unknown, or it is online without a key, for which W&B would prompt.
    """

    def __init__(self, mode: str, project: str, entity: str | None) -> None:
        if mode not in MODES:
            raise UserError(f"logger.mode={mode!r} (or WANDB_MODE): want {', '.join(MODES)}")
        if mode == "online" and not wandb.api.api_key:
            raise UserError("logger.mode=online needs a key: run wandb login, set WANDB_API_KEY, or leave it offline")
        self.mode, self.project, self.entity = mode, project, entity
        self.run: wandb.Run | None = None

    def open(self, run: Run) -> WandbLogger:
        """Starts the run of a cell.

        Raises:
            Unwritable: the run cannot be written to the results folder.
        """
        self.home = home = run.results / "wandb"
        try:
            run.results.mkdir(parents=True, exist_ok=True)
            return self._begun(run, home)
        except OSError as error:
            raise unwritable(home, error) from error

    def _begun(self, run: Run, home: Path) -> WandbLogger:
        # W&B keeps the images of a table in the data folder until a sync, so that folder must move with the run.
        os.environ |= {
            "WANDB_DIR": str(run.results.absolute()),
            "WANDB_DATA_DIR": str((home / "data").absolute()),
            "WANDB_CACHE_DIR": str((home / "cache").absolute()),
            "WANDB_CONFIG_DIR": str((home / "config").absolute()),
            "WANDB_ARTIFACT_DIR": str((home / "artifacts").absolute()),
        }
        self.logger = WandbLogger(
            name=run.name,
            id=run.identity,
            resume="allow",
            project=self.project,
            entity=self.entity,
            group=run.group,
            save_dir=str(run.results),
            mode=self.mode,
            config=dict(run.config),
            # The run records neither the machine's folders nor the command line, because the config has all settings.
            settings=wandb.Settings(
                silent=True, console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True
            ),
        )
        self.run = self.logger.experiment
        self.run.define_metric("objective/*", step_metric="iteration")
        return self.logger

    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Reports the curves, the table with truth and reconstruction, and the summary; then closes the run.

        Raises:
            Unwritable: the run on disk is not whole.
        """
        try:
            self._tell(self.logger.experiment, cell, summary)
        except OSError as error:
            raise unwritable(self.home, error) from error
        if self.mode == "offline" and (why := settled_fault(Path(self.logger.experiment.settings.sync_file))):
            what = f"cannot write {self.home}: the run of {cell.folder.name} is not whole there ({why})"
            raise Unwritable(f"{what}; make room and give the same command again, or choose another results=DIR")

    def _tell(self, run: wandb.Run, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        for at, values in curves(cell):
            run.log({"iteration": at, **values})
        run.log({TABLE: table_of(cell)})
        run.summary.update(scores(summary))
        run.summary.update(portable({"reasons": summary["reasons"]}))
        run.summary.update({"results": f"{cell.folder.parent.name}/{cell.folder.name}"})
        run.finish()

    def drop(self) -> None:
        """Closes the run of a cell that has failed, because Lightning's logger would continue in that run."""
        if self.run is not None:
            with suppress(Exception):
                self.run.finish(exit_code=1)


def table_of(cell: StoredCell) -> wandb.Table:
    """The table of a cell's examples (see `StoredCell.examples`), with pixel arrays as images of W&B."""
    found = cell.examples()
    table = wandb.Table(columns=[*found.columns])
    for row in found.rows:
        table.add_data(*(_image(value) if isinstance(value, np.ndarray) else value for value in row))
    return table


def _image(pixels: np.ndarray) -> wandb.Image:
    """Turns pixels `[C, H, W]` in [0, 1] into an image of W&B."""
    shown = np.nan_to_num(pixels.astype(np.float32)).clip(0, 1)
    return wandb.Image((shown * 255).round().astype(np.uint8).transpose(1, 2, 0).squeeze())
