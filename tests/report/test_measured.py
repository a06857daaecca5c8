"""Cells without a reconstruction have tables of their own, one kind after the other, and only kinds that have cells."""

from pathlib import Path

from limit_rows import limit_row

from bench.report.measured import measured_cells, measured_tables
from bench.results.kinds import KINDS
from bench.results.store import Store
from bench.results.stored_limits import StoredLimits
from bench.results.stored_victims import StoredVictims

NAMES = {"data": "mnist", "model": "lenet", "defense": "none"}
FACTS = {"labels": NAMES, "config": {"data": {"victims": 1, "batch_size": 1}, "model": {}, "seed": 0}}


def test_every_kind_with_a_row_per_victim_has_tables(tmp_path: Path) -> None:
    cells, skipped = measured_cells(tmp_path)
    assert set(cells) == {kind for kind in KINDS if issubclass(kind, StoredVictims)}
    assert measured_tables(cells) == [] and skipped == []


def test_tables_are_of_the_kinds_that_have_cells_and_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    Store(tmp_path).cell(StoredLimits, "x", "0" * 16, FACTS).append([limit_row(0)])
    (tmp_path / "cells" / f"limits-z-{'2' * 16}").mkdir()
    cells, skipped = measured_cells(tmp_path)
    (made,) = measured_tables(cells)
    assert (made.name, len(made.summaries), made.summaries[0]["seed"]) == ("limits", 1, 0)
    assert len(skipped) == 1 and "2222" in skipped[0]
