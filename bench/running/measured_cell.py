"""A cell that measures something of each victim's update, without a reconstruction: one row per victim."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import pytorch_lightning as pl

from bench.client import Client
from bench.config.instantiate import instantiate
from bench.host import signals
from bench.host.capacity import BLOCK
from bench.loggers.base import CellLogger
from bench.modalities.lookup import modality
from bench.results.failure import Failure
from bench.results.identity import contents
from bench.results.stored_leak import ENDED_WELL
from bench.results.stored_victims import StoredVictims
from bench.running.cell import called
from bench.running.components import Contents, read_contents
from bench.running.ddp_watchdog import DdpWatchdog
from bench.running.ranks import SyncRanks
from bench.running.trainer import device_in_words
from bench.running.victim_cell import VictimCell
from bench.storage.provenance import stamp
from bench.terminal.printable import visible
from bench.terminal.progress import bars

Rows = list[dict[str, Any]]
Keep = Callable[[Rows], None]
Kind = TypeVar("Kind", bound=StoredVictims)


class MeasuredCell(VictimCell[Kind]):
    """A cell whose LightningModule makes one row per victim. A kind of cell says what stands below."""

    @cached_property
    def contents(self) -> Contents:
        """What the config points to."""
        return read_contents(self.cfg, scored=False)

    @cached_property
    def logger(self) -> CellLogger:
        """See `Cell.logger`."""
        found: CellLogger = instantiate(self.cfg.logger, "logger")
        return found

    @property
    @abstractmethod
    def client(self) -> Client:
        """The private side; after `build`."""

    @abstractmethod
    def module(self, keep: Keep) -> pl.LightningModule:
        """What the trainer runs: its `test_step` hands the rows of each block of victims to `keep`."""

    @abstractmethod
    def title(self, names: dict[str, str]) -> str:
        """What the progress bar is called; `names` are those of the cell's parts."""

    def hashes(self) -> dict[str, Any]:
        """Of the data and of the files of the weights."""
        found = self.contents
        weights = {key: value for key, value in found.pretrained.items() if not key.startswith("attack.")}
        return contents(found.data.fingerprint, found.checkpoint, weights)

    def facts(self) -> dict[str, Any]:
        """See `Cell.facts`."""
        data = self.contents.data
        return {
            "data": {
                "modality": data.modality,
                "classes": data.classes,
                "shape": list(data.shape),
                "pool": data.size_of_pool,
                "remark": data.remark,
            },
            "model": {"parameters": self.client.facts.parameters},
            "defense": self.client.facts_of_defense(data.deal([0])),
        }

    def overview(self, stored: Kind, todo: int) -> dict[str, Any]:
        """See `Cell.overview`."""
        data, facts = self.contents.data, stored.facts
        kind = modality(data.modality)
        examples = kind.name if data.batch_size > 1 else kind.noun
        before = f", {data.victims - todo} of them stored already" if todo < data.victims else ""
        classes = f", {data.classes:,} classes" if data.classes else ""
        return {
            "victims": f"{data.victims} of {data.batch_size} {examples}{before}",
            "data": f"{data.title}: {data.size_of_pool} {kind.name}{classes}",
            "model": f"{facts['labels']['model']}: {facts['model']['parameters']:,} parameters",
            "defense": facts["labels"]["defense"],
            "note": "; ".join([*facts["defense"]["notes"], *([data.remark] if data.remark else [])]) or None,
            "device": self.cfg.trainer.accelerator,
            "results": str(stored.folder),
        }

    def work(self, stored: Kind, todo: Sequence[int]) -> None:
        """See `Cell.work`."""
        data, trainer = self.contents.data, self.trainer
        data.todo, data.block = todo, max(1, BLOCK // data.batch_size)
        if todo and self.speaks:
            self.logger.open(called(self, stored))
        with bars() as drawn:
            bar = drawn.add_task(visible(self.title(stored.facts["labels"])), total=len(todo), note="")

            recorder = RowRecorder(stored, trainer, lambda done: drawn.advance(bar, done))
            trainer.callbacks += [SyncRanks(data, recorder), DdpWatchdog()]  # type: ignore[attr-defined]
            try:
                trainer.test(self.module(recorder), data, verbose=False)
            finally:
                drawn.remove_task(bar)
        signals.check()

    def read(self, stored: Kind) -> Rows:
        """See `Cell.read`."""
        return stored.rows(self.wanted)

    def failed(self, rows: Rows) -> Failure | None:
        """See `Cell.failed`: every victim failed."""
        if rows and all(row["status"] not in ENDED_WELL for row in rows):
            return Failure(rows[0]["status"], f"{rows[0]['reason']} (all {len(rows)} victims failed)")
        return None


class RowRecorder:
    """Appends the rows of a block of victims to a cell as soon as it is done.

    Args:
        cell: where to.
        trainer: runs the cell.
        advance: told of the number of victims that are done.
    """

    def __init__(self, cell: StoredVictims, trainer: pl.Trainer, advance: Callable[[int], None]) -> None:
        self._cell, self._trainer, self._advance = cell, trainer, advance
        self._common = {"rank": trainer.global_rank, **stamp()}

    def __call__(self, rows: Rows) -> None:
        """Takes in the rows of a block."""
        device = device_in_words(self._trainer)
        self._cell.append([{**row, **self._common, "device": device} for row in rows])
        self._advance(len(rows))

    def flush(self) -> None:
        """Every row is written already."""
