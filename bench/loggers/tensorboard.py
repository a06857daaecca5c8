"""Logs the numbers and pictures of a cell for TensorBoard."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from bench.errors import UserError
from bench.loggers.base import Run, Scalars
from bench.loggers.content import by_moment, gray_levels
from bench.results.moments import Pictures


class TensorBoard(Scalars):
    """Writes numbers and pictures to `RESULTS/tensorboard/CELL/version_N` through Lightning's TensorBoardLogger.

    The steps of the objective are evaluations, those of the pictures are iterations.

    Args:
        pictures: see `Scalars`.

    Raises:
        UserError: TensorBoard is not installed (extra `tensorboard`).
    """

    def __init__(self, pictures: bool) -> None:
        super().__init__(pictures)
        if find_spec("tensorboard") is None and find_spec("tensorboardX") is None:
            raise UserError("logger=tensorboard is not installed; run: pip install 'leakbench[tensorboard]'")

    def open(self, run: Run) -> None:
        """Opens Lightning's logger with a new version folder for each run of the cell."""
        from pytorch_lightning.loggers import TensorBoardLogger

        self.logger = TensorBoardLogger(run.results / "tensorboard", name=run.name, default_hp_metric=False)
        self.ready()

    def show(self, pictures: Pictures) -> None:
        """Reports the images of all victims at a moment as one grid."""
        for key, iteration, images in by_moment(pictures):
            batch = np.stack([gray_levels(image.pixels) for image in images])
            if batch.ndim == 3:
                batch = batch[..., None]
            self.logger.experiment.add_images(key, batch, iteration, dataformats="NHWC")  # type: ignore[attr-defined]
