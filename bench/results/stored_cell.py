"""One cell on disk, whatever its kind: what all kinds have in common, and what each has to say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from bench.results import document as documents
from bench.results.failure import Failure, read_failure
from bench.results.gain import Gain
from bench.storage.atomic import unwritable, write_text
from bench.storage.provenance import now

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
        noun: what the cell is, for a sentence (`an attack`).
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
    noun: ClassVar[str]
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

    def reasons(self) -> dict[str, str]:
        """The sentence `cell` of a summary: why the cell failed as a whole; empty if it did not."""
        failure = self.failure
        return {"cell": f"{failure.status}: {failure.reason}"} if failure else {}

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

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """What came of the cell, as one document of plain values."""

    @abstractmethod
    def fault(self) -> str | None:
        """A sentence on the first part that leakbench did not write, or that is corrupt; None if there is none."""

    @abstractmethod
    def gain(self, other: Any) -> Gain:
        """What another cell of this kind and identity has and this one lacks.

        Raises:
            UserError: the two contradict each other.
        """

    def sweep(self) -> None:
        """Removes the half-written files of killed processes.

        Only the holder of the cell's lock may call this, and before any process writes.
        """
        for path in self.parts.glob(".*.tmp"):
            path.unlink(missing_ok=True)

    def _foreign_part(self) -> str:
        """The sentence of `fault` that names no file."""
        return f"a part of {self.folder.name!r} was not written by leakbench"

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
