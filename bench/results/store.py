"""Where results live: `ROOT/cells/SLUG-IDENTITY/` with `cell.json` and `parts/`; many processes append at once."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.config.display_names import file_name
from bench.errors import UserError
from bench.results import document as documents
from bench.results import parts
from bench.storage.atomic import hidden, unwritable, write_text
from bench.storage.portable import portable

LABELS = ("attack", "data", "model", "defense", "threat")
# Words of messages.Status under which an attack ended as it should; the rest are failures: no success, and the floor of
# any score of a leak. (messages.py imports torch, which a report does without; a test holds the two together.)
ENDED_WELL = frozenset({"converged", "budget"})
AGAIN = parts.AGAIN
IDENTITY = re.compile(r"[0-9a-f]{16}")
# what readers of a config rely on; the rest of it can be anything
CONFIG_SHAPE: dict[Any, Any] = {
    "seed": int,
    "names": {},
    "attack": {},
    "model": {},
    "defense": {"std": float, "variance": float, "fraction": float},
    "data": {"victims": int, "batch_size": int},
}
FACTS_SHAPE: dict[Any, Any] = {
    "labels": {...: str},
    "config": CONFIG_SHAPE,
    "control": bool,
    "threat": {"letter": str, "grants": {}},
    "data": {"things": str, "classes": int, "shape": [int], "pool": int, "remark": str},
    "model": {"parameters": int},
    "defense": {
        "epsilon": float,
        "delta": float,
        "notes": [str],
        "parts": [{"defense": str, "std": float, "variance": float, "fraction": float}],
    },
    "metrics": {...: {"values": [float]}},
    "reasons": {...: str},
    "paper": {"source": str, "known": str},
    "contents": {},
}


@dataclass(frozen=True)
class Failure:
    """Why a cell as a whole has no result: the status word (`not_applicable`, `error`, ...) and a sentence."""

    status: str
    reason: str


@dataclass
class Cell:
    """One cell on disk.

    Args:
        folder: `ROOT/cells/SLUG-IDENTITY`.
        slug: what a person reads in the folder's name.
        identity: 16 hexadecimal digits, see `identity`.
        facts: see `Store.cell`.
        created: when the cell was first opened, ISO 8601 in UTC.
    """

    folder: Path
    slug: str
    identity: str
    facts: dict[str, Any]
    created: str

    @property
    def parts(self) -> Path:
        """The folder of the parts."""
        return self.folder / "parts"

    @property
    def failure(self) -> Failure | None:
        """Why the cell failed as a whole, or None."""
        return read_failure(self.folder)

    def done(self) -> set[int]:
        """The ids of the victims that need no more work.

        A victim that diverged is done: that is what the attack does. One that fell to the machine (`AGAIN`) is tried
        again: it may have more memory next time.
        """
        tables = parts.read(self.parts).victims.values()
        ended = [zip(table["victim"].to_pylist(), table["status"].to_pylist()) for table in tables]
        return {victim for rows in ended for victim, word in rows if word not in AGAIN}

    def append(
        self,
        victim_rows: Sequence[Mapping[str, Any]],
        sample_rows: Sequence[Mapping[str, Any]],
        images: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Add finished victims: all of these rows become visible, or none.

        Args:
            victim_rows: one a victim: `victim`, `status`, `batch_size`, and as known `reason`, `objective`,
                `iterations`, `evaluations`, `seconds`, `repeats`, `rank`, `host`, `device`, `started`, `commit`,
                `versions` (a JSON object).
            sample_rows: one a sample: `victim`, `position`, `sample`, `label`, `label_guess` (-1: no claim), and a
                number or null for each metric; NaN is stored as null. A victim without a reconstruction has none.
                Of sentences that are to be shown also `text`, `text_guess` (null: no claim) and `text_trace`
                (`[[iteration, sentence], ...]` as JSON, or null).
            images: `ids` `[V]`, `truth` and `guess` `[V, B, C, H, W]` and, where there is a trace, `moments` `[V, M]`,
                `images` `[V, M, B, C, H, W]`, `curve_at` and `curve` `[V, K]`. Pixels in [0, 1] or uint8; stored
                clipped, in half precision. Of sentences `ids`, `curve_at` and `curve` only.

        Raises:
            ValueError: a row or a tensor is not of this form.
            UserError: the folder cannot be written.
        """
        if victim_rows:
            parts.write(self.parts, victim_rows, sample_rows, images)

    def sweep(self) -> None:
        """Removes what killed processes left half-written; for who holds the cell, before anybody writes."""
        for path in self.parts.glob(".*.tmp"):
            path.unlink(missing_ok=True)

    def fail(self, status: str, reason: str) -> None:
        """Keep on record that the cell failed as a whole; the rows it has stay."""
        if self.failure != Failure(status, reason):
            failure = {"status": status, "reason": reason, "at": _now()}
            write_text(self.folder / "failed.json", documents.dump(failure))

    def complete(self) -> None:
        """Every victim asked for is stored: an earlier failure is no longer true."""
        try:
            (self.folder / "failed.json").unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error


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

    def cell(self, slug: str, identity: str, facts: Mapping[str, Any]) -> Cell:
        """Open the cell of this identity; create it where there is none.

        Args:
            slug: readable name, as `idlg-cifar10`; see `bench.config.display_names.file_name`.
            identity: 16 hexadecimal digits.
            facts: plain values, stored without the folders of this machine (see `bench.storage.portable`): `labels`
                `{attack, data, model, defense, threat}` (words for tables) and, as known,
                `config` (resolved), `threat` `{letter, grants {name: bool}}`, `data` `{classes, shape, pool}`, `model`,
                `metrics` `{metric: {net, size, interpolation, range, ...}}`, `reasons` `{metric: sentence}` for those
                that are not available, `control` (bool), `paper` `{value, source, known}`.

        Raises:
            ValueError: the identity or the labels are not of this form.
            UserError: the results folder cannot be written, or holds this cell in a form that cannot be read.
        """
        if not IDENTITY.fullmatch(identity):
            raise ValueError(f"identity: want 16 hexadecimal digits, got {identity!r}")
        if missing := [name for name in LABELS if not isinstance(facts.get("labels", {}).get(name), str)]:
            raise ValueError(f"facts['labels'] lacks {', '.join(missing)}")
        known = {name: value for name, value in documents.plain(portable(facts)).items() if value is not None}
        slug = file_name(slug, "cell")
        document = {"schema": parts.SCHEMA, "slug": slug, "identity": identity, "created": _now(), "facts": known}
        existing = sorted(self.cells.glob(f"[!.]*-{identity}"))
        folder = existing[0] if existing else self.cells / f"{slug}-{identity}"
        if not existing:
            self.check()
            _create(folder, documents.dump(document))
        try:
            cell = load(folder)
        except ValueError as problem:
            raise UserError(f"{folder}: {problem}; move it away or choose another folder with results=DIR") from None
        if cell.facts == known:
            return cell
        # What is not part of the identity may have changed: the number of victims, a backbone that is now there.
        write_text(folder / "cell.json", documents.dump({**document, "slug": cell.slug, "created": cell.created}))
        return load(folder)


def load(folder: Path) -> Cell:
    """Read a cell's record.

    Raises:
        ValueError: the folder has no readable `cell.json` of this schema; the message says what is wrong.
    """
    record, facts = documents.record(folder / "cell.json", parts.SCHEMA, LABELS)
    whole = {"schema": int, "slug": str, "identity": str, "created": str, "facts": FACTS_SHAPE}
    fault = documents.wrong(record, whole)
    absent = [name for name in whole if record.get(name) is None]
    if fault or absent or not IDENTITY.fullmatch(record["identity"]):
        why = fault or (f"{absent[0]} is missing" if absent else "identity is none")
        raise ValueError(f"its cell.json was not written by leakbench ({why})")
    known = {name: value for name, value in facts.items() if value is not None}
    return Cell(folder, record["slug"], record["identity"], known, record["created"])


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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
