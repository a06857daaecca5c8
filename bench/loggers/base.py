"""What a logger is: it opens Lightning's own, and tells it of a cell that is finished, from the store."""

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
    """What a run is called: the results folder, the cell's name and identity, the suite that groups it, its config."""

    results: Path
    name: str
    identity: str
    group: str | None
    config: Mapping[str, Any]


class CellLogger(ABC):
    """Rank zero calls `open` before the cell, and `finish` after it, or `drop` where the cell came to no end.

    Attributes:
        tells: whether there is anybody to tell.
    """

    tells: ClassVar[bool] = True

    @abstractmethod
    def open(self, run: Run) -> Logger | bool:
        """Lightning's logger for a cell, or False for none."""

    @abstractmethod
    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Tells of the finished cell: curves of the objective, then its scores.

        Raises:
            Unwritable: there is no room for it.
        """

    def drop(self) -> None:  # noqa: B027 (nothing, unless a logger has something open)
        """Closes what `open` has opened, so that the next cell begins anew; never raises."""


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
    """`(iteration, {"objective/victim_3": value, ...})` in order, of the units whose traces are stored."""
    points: dict[int, dict[str, float]] = defaultdict(dict)
    for curve in cell.curves():
        for at, value in curve.points:
            points[at][curve.name] = value
    return sorted(points.items())


class Scalars(CellLogger):
    """A logger of Lightning's that takes numbers only."""

    logger: Logger

    def ready(self) -> None:
        """Makes the logger's folder: Lightning would do so in the middle of the work.

        Raises:
            Unwritable: it cannot be made.
        """
        folder = Path(self.logger.log_dir or "")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error

    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Curves by iteration, then the scores."""
        try:
            for at, values in curves(cell):
                self.logger.log_metrics(values, step=at)
            self.logger.log_metrics(scores(summary))
            self.logger.save()
            self.logger.finalize("success")
        except OSError as error:
            raise unwritable(Path(self.logger.log_dir or cell.folder), error) from error
