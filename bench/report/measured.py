"""The tables of cells without a reconstruction, and the documents that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.report import identification, labels, limits
from bench.report.table import Page, Table
from bench.results import store, verification
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_labels import StoredLabels
from bench.results.stored_limits import StoredLimits
from bench.results.stored_victims import StoredVictims

# The kind of the cells, the module that makes their tables, the name of the files, and the heading on the page.
_TABLES: tuple[tuple[type[StoredVictims], ModuleType, str, str], ...] = (
    (StoredLabels, labels, "labels", "Labels inferred: "),
    (StoredLimits, limits, "limits", "Limits: "),
    (StoredIdentification, identification, "identification", "Line-ups: "),
)


@dataclass(frozen=True)
class MeasuredTables:
    """The tables of one kind of cell.

    Args:
        name: of the files.
        heading: what stands before the title of each section of the page.
        about: a sentence below it.
        page: for a person.
        raw: for a program.
        summaries: the documents of the cells.
    """

    name: str
    heading: str
    about: str
    page: Page
    raw: Table
    summaries: list[dict[str, Any]]


Cells = Mapping[type[StoredVictims], Sequence[Any]]


def summaries(cells: Iterable[StoredVictims]) -> list[dict[str, Any]]:
    """The documents of the cells, each with its `seed`, `origin` and `identity`, the oldest cell first."""
    return [
        {
            **cell.summary(),
            "seed": (cell.facts.get("config") or {}).get("seed"),
            "origin": verification.mark(cell.folder),
            "identity": cell.identity,
        }
        for cell in sorted(cells, key=lambda cell: cell.created)
    ]


def measured_cells(root: Path) -> tuple[Cells, list[str]]:
    """The cells of each kind in a results folder, and a sentence for each that cannot be read."""
    found = {kind: store.cells(root, kind) for kind, *_ in _TABLES}
    skipped = [sentence for _, sentences in found.values() for sentence in sentences]
    return {kind: cells for kind, (cells, _) in found.items()}, skipped


def measured_tables(cells: Cells) -> list[MeasuredTables]:
    """The tables of each kind that has cells."""
    made = []
    for kind, module, name, heading in _TABLES:
        if found := summaries(cells[kind]):
            made.append(MeasuredTables(name, heading, module.ABOUT, module.page(found), module.raw(found), found))
    return made
