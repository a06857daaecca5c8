"""Numbers in a CSV file."""

from __future__ import annotations

from pytorch_lightning.loggers import CSVLogger

from bench.loggers.base import Run, Scalars


class Csv(Scalars):
    """Lightning's CSVLogger: `RESULTS/csv/CELL/version_N/metrics.csv`."""

    def open(self, run: Run) -> CSVLogger:
        """A new version folder for each run of the cell."""
        self.logger = CSVLogger(run.results / "csv", name=run.name)
        self.ready()
        return self.logger
