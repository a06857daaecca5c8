"""The base of all loggers: a logger opens one of Lightning's, and reports a finished cell to it from the store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pytorch_lightning.loggers import Logger

from bench.results.store import StoredCell
from bench.storage.atomic import unwritable


@dataclass(frozen=True)
class Run:
    """The cell that a logger reports.

    Args:
        results: the results folder.
        name: the cell's name.
        identity: the cell's identity.
        group: the suite that the cell belongs to, if any.
        config: the cell's config.
    """

    results: Path
    name: str
    identity: str
    group: str | None
    config: Mapping[str, Any]


class CellLogger(ABC):
    """Reports cells. Rank zero calls `open` before a cell, and `finish` after it, or `drop` if the cell did not end.

    Attributes:
        tells: whether the logger reports anything at all.
    """

    tells: ClassVar[bool] = True

    @abstractmethod
    def open(self, run: Run) -> Logger | bool:
        """Opens Lightning's logger for a cell; returns False if there is none.

        Raises:
            Unwritable: the logger's folder cannot be written.
        """

    @abstractmethod
    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Reports a finished cell: the curves of the objective, then its scores.

        Raises:
            Unwritable: the report cannot be written.
        """

    def drop(self) -> None:  # noqa: B027 (nothing, unless a logger has something open)
        """Closes what `open` has opened, so that the next cell starts afresh. It never raises."""


def scores(summary: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a summary under flat names: `mse`, `success_rate/1e-2`, ..."""
    flat: dict[str, float] = {}
    for name, value in {**summary, **summary.get("other", {})}.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            flat[name] = value
        elif isinstance(value, Mapping) and isinstance(value.get("mean"), int | float):
            flat[name] = value["mean"]
    for threshold, rate in (summary.get("success_rate") or {}).items():  # only attacks on images have one
        if rate is not None:
            flat[f"success_rate/{threshold}"] = rate["mean"]
    return flat


def curves(cell: StoredCell) -> list[tuple[int, dict[str, float]]]:
    """The curves of the units whose traces are stored: `(iteration, {"objective/victim_3": value, ...})`, in order."""
    points: dict[int, dict[str, float]] = defaultdict(dict)
    for curve in cell.curves():
        for at, value in curve.points:
            points[at][curve.name] = value
    return sorted(points.items())


class Scalars(CellLogger):
    """The base of the loggers that report numbers only, through a logger of Lightning's."""

    logger: Logger

    def ready(self) -> None:
        """Makes the logger's folder before the work begins, because Lightning would make it in the middle of the work.

        Raises:
            Unwritable: the folder cannot be made.
        """
        folder = Path(self.logger.log_dir or "")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error

    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Reports the curves by iteration, then the scores.

        Raises:
            Unwritable: the report cannot be written.
        """
        try:
            for at, values in curves(cell):
                self.logger.log_metrics(values, step=at)
            self.logger.log_metrics(scores(summary))
            self.logger.save()
            self.logger.finalize("success")
        except OSError as error:
            raise unwritable(Path(self.logger.log_dir or cell.folder), error) from error
