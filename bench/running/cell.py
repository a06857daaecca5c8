"""A cell is one thing, of several kinds: what it is, which of its units are missing, how they are run, what came of it.

Whatever is a `Cell` has a lock, a status, an interrupt, a logger and an executor, because `run` gives it all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from bench.errors import Unwritable, UserError
from bench.host import signals
from bench.host.allocator import keep_freed_memory
from bench.loggers.base import CellLogger, Run, run_of
from bench.results.failure import Failure
from bench.results.store import Store, load
from bench.results.stored_cell import Kind, StoredCell
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_labels import StoredLabels
from bench.results.stored_limits import StoredLimits
from bench.results.stored_training import StoredTraining
from bench.running.components import notice
from bench.running.kind import kind_of
from bench.running.telling import owed, telling
from bench.storage.lock import locked
from bench.terminal import transcript
from bench.terminal.overview import overview
from bench.terminal.progress import console


@dataclass(frozen=True)
class Identified:
    """What a cell is, as far as its config, its data and the files of its weights say it.

    Args:
        identity: 16 hexadecimal digits, see `bench.results.identity`.
        slug: what a person reads in the folder's name.
        facts: see `bench.results.store.Store.cell`; enough for a table that shows why the cell has no result.
    """

    identity: str
    slug: str
    facts: dict[str, Any]


class Cell(ABC, Generic[Kind]):
    """A cell that can be run. A kind of cell says what stands below; `run` does the rest.

    Args:
        cfg: of `bench.config.compose.compose`.
    """

    kind: ClassVar[type[StoredCell]]

    def __init__(self, cfg: DictConfig) -> None:
        self.cfg = cfg

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config as plain containers."""
        found: Any = OmegaConf.to_container(self.cfg, resolve=True)
        return found

    @property
    def wanted(self) -> int:
        """How many units are asked for."""
        return self.kind.wanted(self.config)

    @property
    def speaks(self) -> bool:
        """Whether this is the process, of those that work on the cell, that writes its record and talks to the user."""
        return True

    @property
    def meets(self) -> bool:
        """Whether several processes work on the cell: they go in together, or wait for each other forever."""
        return False

    @property
    @abstractmethod
    def logger(self) -> CellLogger:
        """Who is told; after `build`."""

    @abstractmethod
    def identify(self) -> Identified:
        """What the cell is: the same whether it can be run or not. Reads data and weights, builds no model.

        Raises:
            UserError: data or weights cannot be read, so there is no telling.
        """

    @abstractmethod
    def build(self) -> None:
        """Everything that it takes; writes nothing.

        Raises:
            UserError: what the user asked for cannot be done.
            NotApplicable: this attack or defence cannot serve this model, data set or threat model.
        """

    def done(self, stored: Kind) -> set[int]:
        """The numbers of the units that need no more work for what this config asks for."""
        return stored.done()

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What the tables say about it, beside `Identified.facts`; after `build`."""

    @abstractmethod
    def overview(self, stored: Kind, todo: int) -> dict[str, Any]:
        """What a person reads before it runs (see `bench.terminal.overview`)."""

    @abstractmethod
    def work(self, stored: Kind, todo: Sequence[int]) -> None:
        """Runs these units; the row of each is appended when it ends."""

    @abstractmethod
    def read(self, stored: Kind) -> Any:
        """The rows that count, for `failed` and `summarise`."""

    @abstractmethod
    def failed(self, rows: Any) -> Failure | None:
        """Why the cell as a whole has no result, judged by its rows; None where it has one."""

    def remarks(self, stored: Kind, rows: Any) -> list[str]:
        """Sentences that the user must read about the stored rows; none for a kind of cell without such remarks."""
        return []

    @abstractmethod
    def summarise(self, stored: Kind, rows: Any) -> dict[str, Any]:
        """The cell in one JSON document."""


def cell_of(cfg: DictConfig) -> Cell[Any]:
    """The cell that a config describes; see `bench.running.kind.kind_of`."""
    kind = kind_of(cfg)
    if kind is StoredTraining:
        from bench.running.training_cell import TrainingCell

        return TrainingCell(cfg)
    if kind is StoredLabels:
        from bench.running.label_cell import LabelCell

        return LabelCell(cfg)
    if kind is StoredIdentification:
        from bench.running.identification_cell import IdentificationCell

        return IdentificationCell(cfg)
    if kind is StoredLimits:
        from bench.running.limit_cell import LimitCell

        return LimitCell(cfg)
    from bench.running.leak_cell import LeakCell

    return LeakCell(cfg)


def run_cell(cfg: DictConfig) -> dict[str, Any]:
    """Runs one resolved cell and returns its document. Units that are stored already are not computed again.

    Where no unit has a result the cell counts as failed: the document says why under `reasons`, `cell`.

    Args:
        cfg: of `bench.config.compose.compose`.

    Raises:
        UserError: before anything is written: what the user asked for cannot be done. `Unwritable`: later too.
        NotApplicable: likewise: this attack or defence cannot serve this model, data set or threat model.
        Interrupted: the process was asked to leave; finished units are stored.
    """
    signals.check()
    return run(cell_of(cfg))


def run(cell: Cell[Any]) -> dict[str, Any]:
    """See `run_cell`: build, identify, lock, sweep, run what is missing, settle, tell."""
    keep_freed_memory()
    cell.build()
    console.quiet = not cell.speaks  # one of several processes speaks
    stored = _opened(cell)
    todo = missing(cell, stored)
    busy = cell.speaks and (bool(todo) or owed(cell.logger, stored))  # who has nothing to do writes nothing
    if busy:
        transcript.keep(Path(cell.cfg.results))
    with locked(stored.folder, notice) if busy else nullcontext():
        if busy:
            stored.sweep()
            todo = missing(cell, stored)
            busy = bool(todo) or owed(cell.logger, stored)
        # A suite has one line per cell on the screen.
        show = console.print if cell.cfg.suite is None else console.take_down
        rank_zero_only(show)(overview(cell.overview(stored, len(todo))))
        with telling(cell.logger, stored) if busy else nullcontext():
            if todo or cell.meets:
                cell.work(stored, todo)
            rows = cell.read(stored)
            if cell.speaks:
                _settle(stored, cell.failed(rows))
                for sentence in cell.remarks(stored, rows):
                    notice(sentence)
            document = cell.summarise(stored, rows)
            if busy:
                if not todo:  # it was computed before, and the logger has not been opened yet
                    cell.logger.open(called(cell, stored))
                cell.logger.finish(stored, document)
    return document


def missing(cell: Cell[Kind], stored: Kind) -> Sequence[int]:
    """The numbers of the units that are not stored, in order; a range if none is: there may be millions of them."""
    done = cell.done(stored)
    return [unit for unit in range(cell.wanted) if unit not in done] if done else range(cell.wanted)


def called(cell: Cell[Kind], stored: Kind) -> Run:
    """What a logger calls the cell."""
    cfg = cell.cfg
    return run_of(stored, Path(cfg.results), cfg.suite)


def record_failure(cfg: DictConfig, status: str, reason: str) -> None:
    """Keeps on record that a cell as a whole has no result, so that a table shows it instead of leaving it out.

    It is kept under the identity that the cell has when it succeeds, so that a success takes its place. A cell whose
    data or weights cannot be read has no identity; its failure is only told, not stored.

    Args:
        cfg: of `bench.config.compose.compose`.
        status: `not_applicable` or `error`.
        reason: a sentence.

    Raises:
        Unwritable: the results folder cannot be written.
    """
    cell = cell_of(cfg)
    try:
        known = cell.identify()
    except (UserError, OSError):
        return
    store = Store(Path(cfg.results))
    try:
        folder = store.folder(cell.kind, known.identity)
        # one that has been opened before says more of itself than we can
        stored = _loaded(cell, folder) if folder else store.cell(cell.kind, known.slug, known.identity, known.facts)
    except Unwritable:
        raise
    except UserError:  # its record cannot be read: that is what failed
        return
    stored.fail(status, reason)


def _loaded(cell: Cell[Any], folder: Path) -> Any:
    try:
        return load(folder, cell.kind)
    except ValueError as problem:
        raise UserError(str(problem)) from None


def _opened(cell: Cell[Kind]) -> Kind:
    """The cell's folder, made if need be."""
    known = cell.identify()
    store = Store(Path(cell.cfg.results))
    stored: Any = store.cell(cell.kind, known.slug, known.identity, {**known.facts, **cell.facts()})
    return stored


def _settle(stored: Kind, failure: Failure | None) -> None:
    """Puts on record that the cell failed as a whole, or that it did not."""
    if failure is not None:
        stored.fail(failure.status, failure.reason)
    else:
        stored.complete()
