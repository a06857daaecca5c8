"""What the processes of a cell agree on: which victims are left to do, and that every row is written at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytorch_lightning as pl


class DealsVictims(Protocol):
    """What deals victims: `VictimDataModule`."""

    todo: Sequence[int] | None


class Writes(Protocol):
    """What holds rows that are not written yet: `Recorder`."""

    def flush(self) -> None:
        """Writes them."""


class SyncRanks(pl.Callback):
    """Rank zero says what is left to do: it alone holds the cell, and the others may have looked before it did."""

    def __init__(self, data: DealsVictims, recorder: Writes) -> None:
        self._data, self._recorder = data, recorder

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Before victims are dealt."""
        self._data.todo = trainer.strategy.broadcast(self._data.todo)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Before rank zero reads the rows of all."""
        self._recorder.flush()
        trainer.strategy.barrier()
