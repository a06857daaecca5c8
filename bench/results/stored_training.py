"""The stored cell of a training: its units are runs, and its parts hold one parquet file per finished run.

Weights are kept in `checkpoints/runRUN/epoch_EPOCH.safetensors`, if the schedule asks for them. An entry
(`leakbench export`) does not hold them, because weights can reveal what they were trained on.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from bench.results.gain import Gain, copied
from bench.results.part_format import WORK, check_rows, latest_rows, read_table, table_of, write_table
from bench.results.stored_cell import CONFIG_SHAPE, ExampleTable, StoredCell

_MARK = "leakbench training"
_COLUMNS = [
    ("run", pa.int64()),
    ("status", pa.string()),
    ("correct", pa.int64()),
    ("tested", pa.int64()),
    ("steps", pa.int64()),
    ("seconds", pa.float64()),
    ("slowdown", pa.float64()),
    ("bytes_per_step", pa.int64()),
    ("encoding", pa.string()),
    ("epsilon", pa.float64()),
    ("delta", pa.float64()),
    ("sampling", pa.string()),
    ("optimiser", pa.string()),
    ("lr", pa.float64()),
    ("momentum", pa.float64()),
    ("batch_size", pa.int64()),
    ("epochs", pa.int64()),
    *WORK,
    ("stored", pa.int64()),
]
_CHECKPOINT = re.compile(r"/training-[^/]*-([0-9a-f]{16})/checkpoints/run(\d+)/epoch_(\d+)\.safetensors$")
_AWAITED = re.compile(r"awaited: training ([0-9a-f]{16}), run (\d+), epoch (\d+)")
_REQUIRED = ("run", "status", "correct", "tested", "steps", "seconds")
_SHOWN = ("run", "status", "correct", "tested", "steps", "seconds", "slowdown", "epsilon", "device")


class StoredTraining(StoredCell):
    """The training runs of one model, data set, defence and schedule.

    If known, `facts` hold `defense` (see `bench.defenses.stack.described`), `schedule` (in words), `model`
    `{parameters}` and `data` `{train, test}` (numbers of examples).
    """

    kind: ClassVar[str] = "training"
    noun: ClassVar[str] = "a training"
    units: ClassVar[str] = "runs"
    labels: ClassVar[tuple[str, ...]] = ("data", "model", "defense", "training")
    shape: ClassVar[dict[Any, Any]] = {
        "labels": {...: str},
        "config": CONFIG_SHAPE,
        "defense": {},
        "schedule": str,
        "model": {"parameters": int},
        "data": {"train": int, "test": int},
        "contents": {},
    }
    needed: ClassVar[tuple[str, ...]] = ("model", "training", "defense", "seed")

    @classmethod
    def wanted(cls, config: Mapping[str, Any]) -> int:
        """How many runs a resolved config asks for; 0 if it does not say."""
        return (config.get("training") or {}).get("runs") or 0

    def done(self) -> set[int]:
        """The numbers of the runs that are stored."""
        return {row["run"] for row in self.runs()}

    def times(self) -> dict[int, tuple[int, float]]:
        """The times of the stored runs, `{run: (stored [ns since 1970], work [s])}`."""
        return {row["run"]: (row["stored"], row["seconds"]) for row in self.runs()}

    def runs(self) -> list[dict[str, Any]]:
        """The readable rows, one per run, in the order of the runs; if a run was stored twice, its latest row."""
        return latest_rows((row for path in sorted(self.parts.glob("[!.]*.parquet")) for row in _read(path)), "run")

    def append(self, row: Mapping[str, Any]) -> None:
        """Stores a finished run.

        Raises:
            ValueError: the row has an unknown column, or lacks a column that every run has.
            UserError: the folder cannot be written.
        """
        check_rows([row], _COLUMNS, _REQUIRED, "a training")
        table = table_of([{**row, "stored": time.time_ns()}], _COLUMNS)
        write_table(self.parts / f"run{row['run']}-{uuid.uuid4().hex}.parquet", table, mark=_MARK)

    def checkpoint(self, run: int, epoch: int) -> Path:
        """The file of the weights after an epoch of a run, which need not exist."""
        return checkpoint_file(self.folder, run, epoch)

    def checkpoints(self) -> list[Path]:
        """The files of weights, by run and epoch."""
        found = self.folder.glob("checkpoints/run[0-9]*/epoch_[0-9]*.safetensors")
        return sorted(found, key=lambda path: (int(path.parent.name[3:]), int(path.stem[6:])))

    def examples(self) -> ExampleTable:
        """A table with one row per run: its status, accuracy counts, cost and device."""
        return ExampleTable(list(_SHOWN), [[row[name] for name in _SHOWN] for row in self.runs()])

    def summary(self) -> dict[str, Any]:
        """See `bench.results.training_summary`."""
        from bench.results.training_summary import summarise

        return summarise(self)

    def fault(self) -> str | None:
        """See `StoredCell.fault`; a part whose name says another run than its row counts as foreign."""
        named = {int(path.name[3:].partition("-")[0]) for path in self.parts.glob("run*")}
        return self._foreign_part() if named != self.done() else None

    def gain(self, other: StoredTraining) -> Gain:
        """The files of the runs that this cell lacks."""
        gained = sorted(other.done() - self.done())
        paths = [path for run in gained for path in sorted(other.parts.glob(f"run{run}-*.parquet"))]
        return Gain(len(gained), [copied(path, self.parts / path.name) for path in paths])


def checkpoint_file(folder: Path, run: int, epoch: int) -> Path:
    """The file of the weights after an epoch of a run, in the folder of a training."""
    return folder / "checkpoints" / f"run{run}" / f"epoch_{epoch}.safetensors"


def awaited(path: Path) -> str | None:
    """What stands for the hash of weights that a training has yet to store; None if the path is not of such a file.

    >>> awaited(Path("out/cells/training-none-mnist-lenet-0123456789abcdef/checkpoints/run0/epoch_5.safetensors"))
    'awaited: training 0123456789abcdef, run 0, epoch 5'
    """
    found = _CHECKPOINT.search(path.as_posix())
    return f"awaited: training {found[1]}, run {found[2]}, epoch {found[3]}" if found else None


def read_awaited(word: object) -> tuple[str, int, int] | None:
    """The identity of the training, run and epoch of `awaited`; None for anything else.

    >>> read_awaited("awaited: training 0123456789abcdef, run 0, epoch 5")
    ('0123456789abcdef', 0, 5)
    """
    found = _AWAITED.fullmatch(word) if isinstance(word, str) else None
    return (found[1], int(found[2]), int(found[3])) if found else None


def _read(path: Path) -> list[dict[str, Any]]:
    """The rows of a part; empty if the part is foreign or corrupt, so that its run is done again."""
    table, _ = read_table(path, _MARK)
    if table is None or table.column_names != [name for name, _ in _COLUMNS]:
        return []
    return table.to_pylist()
