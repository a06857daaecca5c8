"""Logs the numbers of a cell to a CSV file."""

from __future__ import annotations

from pytorch_lightning.loggers import CSVLogger

from bench.loggers.base import Run, Scalars


class Csv(Scalars):
    """Writes curves and scores to `RESULTS/csv/CELL/version_N/metrics.csv` through Lightning's CSVLogger."""

    def open(self, run: Run) -> CSVLogger:
        """Opens Lightning's logger with a new version folder for each run of the cell."""
        self.logger = CSVLogger(run.results / "csv", name=run.name)
        self.ready()
        return self.logger
