"""Where results live: `ROOT/cells/KIND-SLUG-IDENTITY/` with `cell.json` and `parts/`; many processes append at once."""

from __future__ import annotations

import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from bench.errors import UserError
from bench.results import document as documents
from bench.storage.atomic import hidden, unwritable, write_text
from bench.storage.file_name import file_name
from bench.storage.portable import portable

SCHEMA = 2  # of a record
IDENTITY = re.compile(r"[0-9a-f]{16}")
# what readers of a config rely on; the rest of it can be anything
CONFIG_SHAPE: dict[Any, Any] = {
    "seed": int,
    "names": {},
    "attack": {},
    "model": {},
    "training": {"runs": int},
    "defense": {"std": float, "variance": float, "fraction": float},
    "data": {"victims": int, "batch_size": int},
}


@dataclass(frozen=True)
class Failure:
    """Why a cell as a whole has no result: the status word (`not_applicable`, `error`, ...) and a sentence."""

    status: str
    reason: str


@dataclass(frozen=True)
class Curve:
    """A quantity at several moments of the work on one unit: `(iteration, value)`, in order."""

    name: str
    points: list[tuple[int, float]]


@dataclass(frozen=True)
class Examples:
    """What a person looks at, unit by unit: a row holds text, numbers, nulls, and images `[C, H, W]` in [0, 1]."""

    columns: list[str]
    rows: list[list[Any]]


@dataclass
class StoredCell(ABC):
    """One cell on disk. A kind of cell is a subclass: what it calls its units, what its parts hold.

    Args:
        folder: `ROOT/cells/KIND-SLUG-IDENTITY`.
        slug: what a person reads in the folder's name.
        identity: 16 hexadecimal digits, see `bench.results.identity`.
        facts: see `Store.cell`.
        created: when the cell was first opened, ISO 8601 in UTC.

    Attributes:
        kind: the first word of the folder's name.
        units: what is counted, in the plural (`victims`).
        labels: names of the words for tables that `facts["labels"]` has to hold.
        shape: of `facts`, as far as readers rely on it (see `bench.results.document.wrong`).
        needed: keys of the config without which nothing can be said of the cell.
    """

    folder: Path
    slug: str
    identity: str
    facts: dict[str, Any]
    created: str

    kind: ClassVar[str]
    units: ClassVar[str]
    labels: ClassVar[tuple[str, ...]]
    shape: ClassVar[dict[Any, Any]]
    needed: ClassVar[tuple[str, ...]] = ()

    @property
    def parts(self) -> Path:
        """The folder of the parts."""
        return self.folder / "parts"

    @property
    def failure(self) -> Failure | None:
        """Why the cell failed as a whole, or None."""
        return read_failure(self.folder)

    @classmethod
    @abstractmethod
    def wanted(cls, config: Mapping[str, Any]) -> int:
        """How many units a resolved config asks for; 0 where it does not say."""

    @abstractmethod
    def done(self) -> set[int]:
        """The numbers of the units that need no more work."""

    @abstractmethod
    def times(self) -> dict[int, tuple[int, float]]:
        """`{unit: (stored [nanoseconds since 1970], seconds of work)}` of the units that need no more work."""

    def count(self, wanted: int) -> int:
        """How many of the first `wanted` units need no more work (0: of all), as quickly as it can be found out."""
        return sum(not wanted or unit < wanted for unit in self.done())

    def curves(self) -> list[Curve]:
        """Of the units of which some are stored."""
        return []

    @abstractmethod
    def examples(self) -> Examples:
        """A row for each unit, or for each example of a unit."""

    def sweep(self) -> None:
        """Removes what killed processes left half-written; for who holds the cell, before anybody writes."""
        for path in self.parts.glob(".*.tmp"):
            path.unlink(missing_ok=True)

    def fail(self, status: str, reason: str) -> None:
        """Keep on record that the cell failed as a whole; the rows it has stay."""
        if self.failure != Failure(status, reason):
            failure = {"status": status, "reason": reason, "at": now()}
            write_text(self.folder / "failed.json", documents.dump(failure))

    def complete(self) -> None:
        """Every unit asked for is stored: an earlier failure is no longer true."""
        try:
            (self.folder / "failed.json").unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error


Kind = TypeVar("Kind", bound=StoredCell)


@dataclass(frozen=True)
class Store:
    """The results folder. Nothing is written before a cell is opened."""

    root: Path

    @property
    def cells(self) -> Path:
        """The folder of the cells."""
        return Path(self.root) / "cells"

    def check(self) -> None:
        """Find out before any work is done whether results can be written.

        Raises:
            UserError: they cannot.
        """
        probe = hidden(self.cells / "probe")
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise unwritable(Path(self.root), error) from error

    def folder(self, kind: type[StoredCell], identity: str) -> Path | None:
        """Where the cell of this identity lies; None where there is none."""
        return next(iter(sorted(self.cells.glob(f"{kind.kind}-*-{identity}"))), None)

    def cell(self, kind: type[Kind], slug: str, identity: str, facts: Mapping[str, Any]) -> Kind:
        """Open the cell of this identity; create it where there is none.

        Args:
            kind: of the cell.
            slug: readable name, as `idlg-cifar10`; see `bench.storage.file_name.file_name`.
            identity: 16 hexadecimal digits.
            facts: plain values, stored without the folders of this machine (see `bench.storage.portable`): `labels`
                (words for tables, those that the kind names) and, as known, `config` (resolved), `contents` (see
                `bench.results.identity.contents`), and what else the kind's `shape` names.

        Raises:
            ValueError: the identity or the labels are not of this form.
            UserError: the results folder cannot be written, or holds this cell in a form that cannot be read.
        """
        if not IDENTITY.fullmatch(identity):
            raise ValueError(f"identity: want 16 hexadecimal digits, got {identity!r}")
        if missing := [name for name in kind.labels if not isinstance(facts.get("labels", {}).get(name), str)]:
            raise ValueError(f"facts['labels'] lacks {', '.join(missing)}")
        known = {name: value for name, value in documents.plain(portable(facts)).items() if value is not None}
        slug = file_name(slug, "cell")
        document = {
            "schema": SCHEMA,
            "kind": kind.kind,
            "slug": slug,
            "identity": identity,
            "created": now(),
            "facts": known,
        }
        existing = self.folder(kind, identity)
        folder = existing or self.cells / f"{file_name(f'{kind.kind}-{slug}', kind.kind)}-{identity}"
        if existing is None:
            self.check()
            _create(folder, documents.dump(document))
        try:
            cell = load(folder, kind)
        except ValueError as problem:
            raise UserError(f"{folder}: {problem}; move it away or choose another folder with results=DIR") from None
        if cell.facts == known:
            return cell
        # What is not part of the identity may have changed: the number of victims, a backbone that is now there.
        write_text(folder / "cell.json", documents.dump({**document, "slug": cell.slug, "created": cell.created}))
        return load(folder, kind)


def load(folder: Path, kind: type[Kind]) -> Kind:
    """Read a cell's record.

    Raises:
        ValueError: the folder has no readable `cell.json` of this schema and kind; the message says what is wrong.
    """
    record, facts = documents.record(folder / "cell.json", SCHEMA, kind.labels)
    whole = {"schema": int, "kind": str, "slug": str, "identity": str, "created": str, "facts": kind.shape}
    fault = documents.wrong(record, whole)
    absent = [name for name in whole if record.get(name) is None]
    config = {} if fault else facts.get("config") or {}
    absent += [f"config.{name}" for name in kind.needed if config.get(name) is None]
    if fault or absent or record["kind"] != kind.kind or not IDENTITY.fullmatch(record["identity"]):
        why = fault or (f"{absent[0]} is missing" if absent else "identity or kind is none")
        raise ValueError(f"its cell.json was not written by leakbench ({why})")
    known = {name: value for name, value in facts.items() if value is not None}
    return kind(folder, record["slug"], record["identity"], known, record["created"])


def cells(root: Path, kind: type[Kind]) -> tuple[list[Kind], list[str]]:
    """The cells of a kind below `root` in the order of their folders' names, and a sentence for each that is skipped.

    Raises:
        OSError: the folder cannot be read.
    """
    found, warnings = [], []
    folders = sorted(path for path in Store(root).cells.glob(f"{kind.kind}-*") if path.is_dir())
    for folder in folders:
        try:
            found.append(load(folder, kind))
        except ValueError as problem:
            warnings.append(f"skipped {folder}: {problem}")
    return found, warnings


def read_failure(folder: Path) -> Failure | None:
    """Why a cell in `folder` failed as a whole, or None."""
    try:
        record = documents.read(folder / "failed.json")
    except FileNotFoundError:
        return None
    except ValueError:
        record = {}
    status, reason = record.get("status"), record.get("reason")
    if isinstance(status, str) and isinstance(reason, str):
        return Failure(status, reason)
    return Failure("error", f"{folder / 'failed.json'} cannot be read")


def _create(folder: Path, text: str) -> None:
    """Make the folder aside and rename it: a cell is never seen without its record."""
    temporary = hidden(folder)
    try:
        (temporary / "parts").mkdir(parents=True)
        write_text(temporary / "cell.json", text)
        os.rename(temporary, folder)
    except OSError as error:
        if not (folder / "cell.json").exists():  # else another process was first: its cell is ours
            raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def now() -> str:
    """This moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
