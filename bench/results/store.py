"""The store of results: `ROOT/cells/KIND-SLUG-IDENTITY/` with `cell.json` and `parts/`.

Many processes can append to a cell at once.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.results import document as documents
from bench.results.stored_cell import Kind, StoredCell
from bench.storage.atomic import hidden, unwritable, write_text
from bench.storage.file_name import file_name
from bench.storage.portable import portable
from bench.storage.provenance import now

SCHEMA = 2  # the version of the records' schema
IDENTITY = re.compile(r"[0-9a-f]{16}")


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

    def place(self, kind: type[StoredCell], slug: str, identity: str) -> Path:
        """The folder of the cell of this kind and identity, which need not exist.

        Args:
            kind: the kind of the cell.
            slug: as for `cell`.
            identity: 16 hexadecimal digits.
        """
        named = file_name(f"{kind.kind}-{file_name(slug, 'cell')}", kind.kind)
        return self.folder(kind, identity) or self.cells / f"{named}-{identity}"

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
        folder = self.place(kind, slug, identity)
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
