"""What defences cost: `ROOT/prices/SLUG-IDENTITY/` with `price.json` and a parquet part for each finished training."""

import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.config.display_names import file_name
from bench.errors import UserError
from bench.results import document as documents
from bench.results.identity import identity, relevant
from bench.results.store import CONFIG_SHAPE, IDENTITY, read_failure
from bench.storage.atomic import aside, hidden, unwritable, write_text
from bench.storage.portable import portable

SCHEMA = 1
LABELS = ("data", "model", "defense", "training")
FACTS_SHAPE: dict[Any, Any] = {
    "labels": {...: str},
    "config": {**CONFIG_SHAPE, "training": {}},
    "defense": {},
    "schedule": str,
    "model": {"parameters": int},
    "data": {"train": int, "test": int},
    "contents": {},
}
_KEY = b"leakbench price"
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
    ("host", pa.string()),
    ("device", pa.string()),
    ("started", pa.string()),
    ("commit", pa.string()),
    ("versions", pa.string()),
    ("stored", pa.int64()),
]
# What a training run does not look at, and how many of them there are.
_UNUSED = frozenset({"attack", "threat", "metric", "engine"})
_OF_VICTIMS = frozenset({"batch_size", "seed", "label_rule", "labels", "victims"})


def price_identity(config: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """The identity of a price: of the data, the model, the defence, the schedule and the seed.

    Args:
        config: a resolved config as plain containers, with a node `training`; its number of `runs` is no part of it:
            three after two trains one.
        extra: content hashes that the config cannot know, such as `{"data": ..., "checkpoint": ...}`.
    """
    kept = {key: value for key, value in relevant(config, extra).items() if key not in _UNUSED}
    kept["data"] = {key: value for key, value in kept["data"].items() if key not in _OF_VICTIMS}
    kept["training"] = {key: value for key, value in config["training"].items() if key != "runs"}
    kept["tf32"] = config["engine"]["tf32"]
    return identity({"price": kept}, extra)


@dataclass(frozen=True)
class PriceCell:
    """The training runs of one model, data set, defence and schedule.

    Args:
        folder: `ROOT/prices/SLUG-IDENTITY`.
        identity: 16 hexadecimal digits, see `price_identity`.
        facts: plain values: `labels` (words for tables, `LABELS`), `config` (resolved), `defense` (see
            `bench.defenses.stack.described`), `schedule` (words), `model` `{parameters}`, `data` `{train, test}`.
    """

    folder: Path
    identity: str
    facts: dict[str, Any]

    @property
    def failure(self) -> str | None:
        """Why there is no price, as `STATUS: SENTENCE`, or None."""
        found = read_failure(self.folder)
        return None if found is None else f"{found.status}: {found.reason}"

    def runs(self) -> list[dict[str, Any]]:
        """The rows that can be read, one a run, by its number; of a run that was stored twice the latest."""
        rows: dict[int, dict[str, Any]] = {}
        for path in sorted((self.folder / "runs").glob("[!.]*.parquet")):
            for row in _read(path):
                if row["run"] not in rows or row["stored"] > rows[row["run"]]["stored"]:
                    rows[row["run"]] = row
        return [rows[run] for run in sorted(rows)]

    def append(self, row: Mapping[str, Any]) -> None:
        """Keeps a finished run; a failure on record is no longer true.

        Raises:
            ValueError: the row has a column that is none of a price, or lacks one that an accuracy is made of.
            UserError: the folder cannot be written.
        """
        known = [name for name, _ in _COLUMNS]
        if unknown := sorted(row.keys() - set(known)):
            raise ValueError(f"a row of a price has unknown columns: {', '.join(unknown)}")
        if missing := [name for name in ("run", "status", "correct", "tested", "steps", "seconds") if name not in row]:
            raise ValueError(f"a row of a price lacks {', '.join(missing)}")
        schema = pa.schema(_COLUMNS, metadata={_KEY: str(SCHEMA).encode()})
        table = pa.Table.from_pylist([{**row, "stored": time.time_ns()}], schema=schema)
        with aside(self.folder / "runs" / f"run{row['run']}-{uuid.uuid4().hex}.parquet") as temporary:
            pq.write_table(table, temporary, write_page_checksum=True)
        try:
            (self.folder / "failed.json").unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def fail(self, status: str, reason: str) -> None:
        """Keeps on record that there is no price."""
        if self.failure != f"{status}: {reason}":
            failure = {"status": status, "reason": reason, "at": _now()}
            write_text(self.folder / "failed.json", documents.dump(failure))


@dataclass(frozen=True)
class Prices:
    """The prices of a results folder. Nothing is written before one is opened."""

    root: Path

    @property
    def folder(self) -> Path:
        """The folder of the prices."""
        return Path(self.root) / "prices"

    def cell(self, slug: str, identity: str, facts: Mapping[str, Any]) -> PriceCell:
        """Opens the price of this identity; makes it where there is none.

        Raises:
            UserError: the results folder cannot be written, or holds this price in a form that cannot be read.
        """
        existing = sorted(self.folder.glob(f"[!.]*-{identity}"))
        folder = existing[0] if existing else self.folder / f"{file_name(slug, 'price')}-{identity}"
        known = documents.plain(portable(facts))
        document = {"schema": SCHEMA, "identity": identity, "created": _now(), "facts": known}
        if not existing:
            _create(folder, documents.dump(document))
        try:
            price = _load(folder)
        except ValueError as problem:
            raise UserError(f"{folder}: {problem}; move it away or choose another folder with results=DIR") from None
        if price.facts == known:
            return price
        write_text(folder / "price.json", documents.dump(document))
        return _load(folder)


def prices(root: Path) -> tuple[list[PriceCell], list[str]]:
    """The prices below `root` in the order of their folders' names, and a sentence for each that was skipped."""
    found, warnings = [], []
    for folder in sorted(path for path in Prices(root).folder.glob("[!.]*") if path.is_dir()):
        try:
            found.append(_load(folder))
        except ValueError as problem:
            warnings.append(f"skipped {folder}: {problem}")
    return found, warnings


def _load(folder: Path) -> PriceCell:
    record, facts = documents.record(folder / "price.json", SCHEMA, LABELS)
    fault = documents.wrong(record, {"schema": int, "identity": str, "facts": FACTS_SHAPE})
    config = {} if fault else facts.get("config") or {}
    absent = [name for name in ("model", "training", "defense", "seed") if config.get(name) is None]
    if fault or absent or not IDENTITY.fullmatch(record.get("identity") or "") or record.get("schema") is None:
        why = fault or (f"config.{absent[0]} is missing" if absent else "identity or schema is missing")
        raise ValueError(f"its price.json was not written by leakbench ({why})")
    return PriceCell(folder, record["identity"], facts)


def _read(path: Path) -> list[dict[str, Any]]:
    """The rows of a part; none where it is foreign or corrupt (the run is then done again)."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        if metadata.get(_KEY) != str(SCHEMA).encode():
            return []
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
        return table.to_pylist() if table.column_names == [name for name, _ in _COLUMNS] else []
    except (pa.ArrowException, OSError):
        return []


def _create(folder: Path, text: str) -> None:
    """Makes the folder aside and renames it: a price is never seen without its record."""
    temporary = hidden(folder)
    try:
        (temporary / "runs").mkdir(parents=True)
        write_text(temporary / "price.json", text)
        temporary.rename(folder)
    except OSError as error:
        if not (folder / "price.json").exists():  # else another process was first: its price is ours
            raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
