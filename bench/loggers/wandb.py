"""Weights & Biases: offline unless told otherwise, everything inside the results folder."""

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
TABLE = "table/examples"  # with a stroke, which no name of a score has: W&B keeps one value a name


class Wandb(CellLogger):
    """One run a cell, in the group of its suite: config, curves of the objective, a table of examples, the summary.

    The table shows truth and reconstruction of the first victims, as images or in words.

    A cell has one run, whose id is the cell's identity: extended or resumed, it is told of once more as a whole.

    The run lies in `RESULTS/wandb` with all of its files, so that the folder can be moved and `wandb sync`ed.

    Args:
        mode: `offline`, `online` or `disabled`.
        project, entity: where an online or synced run goes; entity null is the account's default.

    Raises:
        UserError: another mode; or online without a key, which W&B would ask for.
    """

    def __init__(self, mode: str, project: str, entity: str | None) -> None:
        if mode not in MODES:
            raise UserError(f"logger.mode={mode!r} (or WANDB_MODE): want {', '.join(MODES)}")
        if mode == "online" and not wandb.api.api_key:
            raise UserError("logger.mode=online needs a key: run wandb login, set WANDB_API_KEY, or leave it offline")
        self.mode, self.project, self.entity = mode, project, entity
        self.run: wandb.Run | None = None

    def open(self, run: Run) -> WandbLogger:
        """Starts the run.

        Raises:
            Unwritable: it cannot be begun in the results folder.
        """
        self.home = home = run.results / "wandb"
        try:
            run.results.mkdir(parents=True, exist_ok=True)
            return self._begun(run, home)
        except OSError as error:
            raise unwritable(home, error) from error

    def _begun(self, run: Run, home: Path) -> WandbLogger:
        # images in a table are kept in the data folder until a sync: it must move with the run
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
            # neither the machine's folders nor what was typed: the config says it all
            settings=wandb.Settings(
                silent=True, console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True
            ),
        )
        self.run = self.logger.experiment
        self.run.define_metric("objective/*", step_metric="iteration")
        return self.logger

    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Curves, the table with truth and reconstruction, the summary; then the run is closed.

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
        """See `CellLogger.drop`: Lightning's logger would go on in the run of a cell that has failed."""
        if self.run is not None:
            with suppress(Exception):
                self.run.finish(exit_code=1)


def table_of(cell: StoredCell) -> wandb.Table:
    """What a person looks at, unit by unit; of an attack truth, reconstruction and every score of each example."""
    found = cell.examples()
    table = wandb.Table(columns=[*found.columns])
    for row in found.rows:
        table.add_data(*(_image(value) if isinstance(value, np.ndarray) else value for value in row))
    return table


def _image(pixels: np.ndarray) -> wandb.Image:
    """`[C, H, W]` in [0, 1]."""
    shown = np.nan_to_num(pixels.astype(np.float32)).clip(0, 1)
    return wandb.Image((shown * 255).round().astype(np.uint8).transpose(1, 2, 0).squeeze())
