"""The store of results: `ROOT/cells/KIND-SLUG-IDENTITY/` with `cell.json` and `parts/`.

Many processes can append to a cell at once.
"""

from __future__ import annotations

import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from bench.errors import UserError
from bench.results import document as documents
from bench.results.failure import Failure, read_failure
from bench.storage.atomic import hidden, unwritable, write_text
from bench.storage.file_name import file_name
from bench.storage.portable import portable
from bench.storage.provenance import now

SCHEMA = 2  # the version of the records' schema
IDENTITY = re.compile(r"[0-9a-f]{16}")
# The parts of a config that readers rely on. The rest of a config can be anything.
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
class UnitCurve:
    """A quantity at several moments of the work on one unit; `points` are `(iteration, value)`, in order."""

    name: str
    points: list[tuple[int, float]]


@dataclass(frozen=True)
class ExampleTable:
    """A table for a person to look at, unit by unit.

    A row holds text, numbers, nulls, and images `[C, H, W]` in [0, 1].
    """

    columns: list[str]
    rows: list[list[Any]]


@dataclass
class StoredCell(ABC):
    """One cell on disk. Each kind of cell is a subclass, which names its units and knows what its parts hold.

    Args:
        folder: `ROOT/cells/KIND-SLUG-IDENTITY`.
        slug: the readable part of the folder's name.
        identity: 16 hexadecimal digits, see `bench.results.identity`.
        facts: what is known of the cell, see `Store.cell`.
        created: when the cell was first opened, ISO 8601 in UTC.

    Attributes:
        kind: the kind of the cell, which is the first word of the folder's name.
        units: what is counted, in the plural (`victims`).
        labels: the names of the labels that `facts["labels"]` has to hold.
        shape: the shape of `facts`, as far as readers rely on it (see `bench.results.document.wrong`).
        needed: the keys of the config without which the record is refused.
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
        """The folder that holds the parts of the cell."""
        return self.folder / "parts"

    @property
    def failure(self) -> Failure | None:
        """Why the cell failed as a whole, or None if it did not."""
        return read_failure(self.folder)

    @classmethod
    @abstractmethod
    def wanted(cls, config: Mapping[str, Any]) -> int:
        """How many units a resolved config asks for; 0 if it does not say."""

    @classmethod
    def merged(cls, stored: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        """The facts of a cell that is opened again.

        Args:
            stored: its facts so far.
            new: the facts that it is opened with.

        Raises:
            UserError: the two cannot be facts of one cell.
        """
        return dict(new)

    @abstractmethod
    def done(self) -> set[int]:
        """The numbers of the units that need no more work."""

    @abstractmethod
    def times(self) -> dict[int, tuple[int, float]]:
        """The times of the units that need no more work, `{unit: (stored [ns since 1970], work [s])}`."""

    def count(self, wanted: int) -> int:
        """How many of the first `wanted` units (0: of all units) need no more work, found in the quickest way."""
        return sum(not wanted or unit < wanted for unit in self.done())

    def curves(self) -> list[UnitCurve]:
        """The curves of the units that have stored ones; empty for a kind of cell without curves."""
        return []

    @abstractmethod
    def examples(self) -> ExampleTable:
        """A table of the cell with one row per unit, or one row per example of a unit."""

    def sweep(self) -> None:
        """Removes the half-written files of killed processes.

        Only the holder of the cell's lock may call this, and before any process writes.
        """
        for path in self.parts.glob(".*.tmp"):
            path.unlink(missing_ok=True)

    def fail(self, status: str, reason: str) -> None:
        """Records that the cell failed as a whole; its rows stay.

        Args:
            status: a word of `bench.messages.status.Status`.
            reason: a sentence.

        Raises:
            UserError: the folder cannot be written.
        """
        if self.failure != Failure(status, reason):
            failure = {"status": status, "reason": reason, "at": now()}
            write_text(self.folder / "failed.json", documents.dump(failure))

    def complete(self) -> None:
        """Removes the record of an earlier failure, once every unit that was asked for is stored.

        Raises:
            UserError: the folder cannot be written.
        """
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
        """The folder that holds all cells."""
        return Path(self.root) / "cells"

    def check(self) -> None:
        """Checks, before any work is done, if results can be written.

        Raises:
            UserError: results cannot be written.
        """
        probe = hidden(self.cells / "probe")
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise unwritable(Path(self.root), error) from error

    def folder(self, kind: type[StoredCell], identity: str) -> Path | None:
        """The folder of the cell of this kind and identity; None if there is none."""
        return next(iter(sorted(self.cells.glob(f"{kind.kind}-*-{identity}"))), None)

    def cell(self, kind: type[Kind], slug: str, identity: str, facts: Mapping[str, Any]) -> Kind:
        """Opens the cell of this kind and identity, and creates it if there is none.

        Args:
            kind: the kind of the cell.
            slug: a readable name, such as `idlg-cifar10`; see `bench.storage.file_name.file_name`.
            identity: 16 hexadecimal digits.
            facts: plain values, stored without the folders of this machine (see `bench.storage.portable`): `labels`
                (the cell's names in tables, as the kind lists them) and, if known, `config` (resolved), `contents` (see
                `bench.results.identity.contents`), and what else the kind's `shape` names.

        Raises:
            ValueError: the identity or the labels are not of this form.
            UserError: the folder cannot be written, or holds this cell unreadable or with facts that these contradict.
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
        known = document["facts"] = kind.merged(cell.facts, known)
        if cell.facts == known:
            return cell
        # Facts that are not part of the identity may have changed, such as the number of victims.
        write_text(folder / "cell.json", documents.dump({**document, "slug": cell.slug, "created": cell.created}))
        return load(folder, kind)


def load(folder: Path, kind: type[Kind]) -> Kind:
    """Reads a cell from its folder.

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
    """The cells of a kind below `root` in the order of their folders' names, and a sentence per skipped folder.

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


def _create(folder: Path, text: str) -> None:
    """Makes the folder under another name and renames it, so that no process sees a cell without its record."""
    temporary = hidden(folder)
    try:
        (temporary / "parts").mkdir(parents=True)
        write_text(temporary / "cell.json", text)
        os.rename(temporary, folder)
    except OSError as error:
        if not (folder / "cell.json").exists():  # else another process was first, and this process uses its cell
            raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
