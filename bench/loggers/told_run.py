"""What an offline run of W&B tells: its keys, and how many rows and images it has. Read from its file alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

from bench.loggers.offline_run import records


@dataclass(frozen=True)
class ToldRun:
    """An offline run.

    Args:
        file: its log, `.../offline-run-TIME-ID/run-ID.wandb`.
        identity: its id: the identity of a cell or of a board.
        group: the suite, or an empty text.
        project, entity: where it goes; the entity is empty if it is the account's default.
        job: its job type: `attack`, `training` or `board`.
        tags: its tags.
        config: its config.
        history: what was logged, step by step, `{key: value}`; pictures and tables are mappings.
        summary: the final figures, alike.
        tables: the files of its tables.
        ended: whether it ended, and not by an interrupt or an error.
    """

    file: Path
    identity: str
    group: str
    project: str
    entity: str
    job: str
    tags: list[str]
    config: dict[str, Any]
    history: list[dict[str, Any]]
    summary: dict[str, Any]
    tables: list[Path]
    ended: bool

    @property
    def keys(self) -> set[str]:
        """The keys of all steps and of the summary, without those that W&B writes itself."""
        found = set(self.summary).union(*self.history)
        return {key for key in found if not key.startswith("_")}

    @property
    def rows(self) -> int:
        """How many rows its first table has."""
        return next((value["nrows"] for value in self._values() if value.get("_type") == "table-file"), 0)

    @property
    def images(self) -> int:
        """How many images it has: those of each moment and those in its tables."""
        shown = sum(int(value["count"]) for value in self._values() if value.get("_type") == "images/separated")
        return shown + sum(_images(table) for table in self.tables)

    def _values(self) -> Iterable[dict[str, Any]]:
        return (value for step in self.history for value in step.values() if isinstance(value, dict))


def read(file: Path) -> ToldRun:
    """Reads a run.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no log of W&B, or it breaks off.
        google.protobuf.message.DecodeError: likewise.
    """
    found = list(records(file.read_bytes()))
    runs = [record.run for record in found if record.HasField("run")]
    if not runs:
        raise ValueError("it names no run")
    summary: dict[str, Any] = {}
    for record in found:
        if record.HasField("summary"):
            _nest(summary, record.summary.update)
    return ToldRun(
        file,
        runs[0].run_id,
        runs[0].run_group,
        runs[0].project,
        runs[0].entity,
        runs[0].job_type,
        list(runs[0].tags),
        _nest({}, (item for run in runs for item in run.config.update)),
        [_step(record) for record in found if record.HasField("history")],
        summary,
        [Path(one.local_path) for record in found for one in _tables(record)],
        any(record.HasField("exit") and record.exit.exit_code == 0 for record in found),
    )


def _tables(record: Record) -> Iterable[Any]:
    """The tables among the files of an artifact that W&B has made of a table; others hold copies."""
    files = record.artifact.manifest.contents if record.artifact.type == "run_table" else ()
    return (file for file in files if file.path.endswith(".table.json"))


def _step(record: Record) -> dict[str, Any]:
    return _nest({}, record.history.item)


def _nest(into: dict[str, Any], items: Iterable[Any]) -> dict[str, Any]:
    """Adds the items of a record, whose keys are paths, to a mapping of mappings."""
    for item in items:
        path = list(item.nested_key) or [item.key]
        place = into
        for name in path[:-1]:
            inner = place.get(name)
            place[name] = inner if isinstance(inner, dict) else {}
            place = place[name]
        place[path[-1]] = json.loads(item.value_json)
    return into


def _images(table: Path) -> int:
    """How many images a table holds; 0 if its file is not there, which `offline_run.fault` says."""
    if not table.is_file():
        return 0
    data = json.loads(table.read_text(encoding="utf-8"))["data"]
    return sum(isinstance(cell, dict) and cell.get("_type") == "image-file" for row in data for cell in row)
