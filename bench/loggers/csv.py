"""Logs the numbers of a cell to a CSV file, and its pictures to files beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pytorch_lightning.loggers import CSVLogger

from bench.loggers.base import Run, Scalars
from bench.loggers.content import by_moment, gray_levels
from bench.results.moments import Pictures


class Csv(Scalars):
    """Writes `metrics.csv` and `pictures/` to `RESULTS/csv/CELL/version_N` through Lightning's CSVLogger.

    A row of the objective has its number of evaluations in the column `step`. A picture holds the images of all victims
    side by side: `pictures/truth/iteration_N.png` and `pictures/reconstruction/iteration_N.png`.
    """

    def open(self, run: Run) -> None:
        """Opens Lightning's logger with a new version folder for each run of the cell."""
        self.logger = CSVLogger(run.results / "csv", name=run.name)
        self.ready()

    def show(self, pictures: Pictures) -> None:
        """Writes a PNG per moment."""
        for key, iteration, images in by_moment(pictures):
            folder = Path(self.logger.log_dir or "") / key
            folder.mkdir(parents=True, exist_ok=True)
            side_by_side = np.concatenate([gray_levels(image.pixels) for image in images], axis=1)
            Image.fromarray(side_by_side).save(folder / f"iteration_{iteration:06d}.png")
