"""Numbers for TensorBoard."""

from __future__ import annotations

from bench.errors import UserError
from bench.loggers.base import Run, Scalars


class TensorBoard(Scalars):
    """Lightning's TensorBoardLogger: `RESULTS/tensorboard/CELL/version_N`.

    Raises:
        UserError: TensorBoard is not installed (extra `tensorboard`).
    """

    def open(self, run: Run):  # type: ignore[no-untyped-def]
        """A new version folder for each run of the cell."""
        from pytorch_lightning.loggers import TensorBoardLogger

        try:
            self.logger = TensorBoardLogger(run.results / "tensorboard", name=run.name, default_hp_metric=False)
        except ModuleNotFoundError as error:
            raise UserError("logger=tensorboard: not installed; run: pip install 'leakbench[tensorboard]'") from error
        return self.logger
