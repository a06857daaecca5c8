"""The base of all loggers: a logger reports a finished cell from the store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pytorch_lightning.loggers import Logger

from bench.loggers.content import content
from bench.results.moments import Pictures
from bench.results.stored_cell import StoredCell
from bench.storage.atomic import unwritable

if TYPE_CHECKING:  # it draws, and only the end of a suite needs that
    from bench.report.page import Report


@dataclass(frozen=True)
class Run:
    """The cell that a logger reports.

    Args:
        results: the results folder.
        name: the cell's name.
        identity: the cell's identity.
        group: the suite that the cell belongs to, if any.
        config: the cell's config.
        labels: what the tables call its attack, data, model, defence, threat model or training.
        kind: the kind of the cell (see `StoredCell`).
    """

    results: Path
    name: str
    identity: str
    group: str | None
    config: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""


def run_of(cell: StoredCell, results: Path, group: str | None) -> Run:
    """What a logger calls a cell.

    Args:
        cell: the cell.
        results: the results folder.
        group: the suite that the cell belongs to, if any.
    """
    facts = cell.facts
    return Run(results, cell.folder.name, cell.identity, group, facts["config"], facts["labels"], cell.kind)


class CellLogger(ABC):
    """Reports cells. Rank zero calls `open` before a cell, and `finish` after it, or `drop` if the cell did not end.

    Attributes:
        tells: whether the logger reports anything at all.
    """

    tells: ClassVar[bool] = True

    @abstractmethod
    def open(self, run: Run) -> None:
        """Begins the report of a cell, before the work, so that a folder that cannot be written is found out.

        Raises:
            Unwritable: the logger's folder cannot be written.
        """

    @abstractmethod
    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Reports a finished cell: see `bench.loggers.content`.

        Raises:
            Unwritable: the report cannot be written.
        """

    def board(self, results: Path, group: str, made: Report) -> None:  # noqa: B027 (most loggers have no boards)
        """Reports the leaderboard of a results folder at the end of a suite.

        Args:
            results: the results folder.
            group: the suite.
            made: the report of this folder.

        Raises:
            Unwritable: the report cannot be written.
        """

    def drop(self) -> None:  # noqa: B027 (nothing, unless a logger has something open)
        """Closes what `open` has opened, so that the next cell starts afresh. It never raises."""


class Scalars(CellLogger):
    """The base of the loggers that report numbers and pictures through a logger of Lightning's.

    Args:
        pictures: whether private images and their reconstructions are reported.
    """

    logger: Logger

    def __init__(self, pictures: bool) -> None:
        self.pictures = pictures

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
        """Reports the objective by evaluations, then the final figures, then the pictures by iteration.

        Raises:
            Unwritable: the report cannot be written.
        """
        told = content(cell, summary, private=self.pictures)
        try:
            for at, values in told.objective:
                self.logger.log_metrics(values, step=at)
            self.logger.log_metrics(told.scalars)
            self.show(told.pictures)
            self.logger.save()
            self.logger.finalize("success")
        except OSError as error:
            raise unwritable(Path(self.logger.log_dir or cell.folder), error) from error

    @abstractmethod
    def show(self, pictures: Pictures) -> None:
        """Reports the pictures."""
