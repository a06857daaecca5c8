"""Logs the numbers of a cell for TensorBoard."""

from __future__ import annotations

from importlib.util import find_spec

from bench.errors import UserError
from bench.loggers.base import Run, Scalars


class TensorBoard(Scalars):
    """Writes curves and scores to `RESULTS/tensorboard/CELL/version_N` through Lightning's TensorBoardLogger.

    Raises:
        UserError: TensorBoard is not installed (extra `tensorboard`).
    """

    def __init__(self) -> None:
        if find_spec("tensorboard") is None and find_spec("tensorboardX") is None:
            raise UserError("logger=tensorboard is not installed; run: pip install 'leakbench[tensorboard]'")

    def open(self, run: Run):  # type: ignore[no-untyped-def]
        """Opens Lightning's logger with a new version folder for each run of the cell."""
        from pytorch_lightning.loggers import TensorBoardLogger

        self.logger = TensorBoardLogger(run.results / "tensorboard", name=run.name, default_hp_metric=False)
        self.ready()
        return self.logger
