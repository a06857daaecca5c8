"""The document of line-ups: the rate over victims, beside chance and what is proven."""

from pathlib import Path
from typing import Any

import pytest
from line_up_rows import line_up_row

from bench.results.identification_summary import summarise
from bench.results.store import Store
from bench.results.stored_identification import StoredIdentification

NAMES = {"data": "mnist", "model": "lenet", "defense": "dp_sgd"}
CONFIG = {"data": {"victims": 4, "batch_size": 1, "label_rule": "random"}, "model": {}, "seed": 0}
BOUND = {"identification": {"candidates": 100, "bound": 0.092}}


def summary_of(root: Path, *rows: dict[str, Any], **defense: Any) -> dict[str, Any]:
    facts = {"labels": NAMES, "config": CONFIG, "defense": defense}
    cell = Store(root).cell(StoredIdentification, "x", "0" * 16, facts)
    cell.append(rows)
    return summarise(cell)


def test_the_rate_is_the_mean_over_victims_beside_chance_and_bound(tmp_path: Path) -> None:
    found = summary_of(tmp_path, line_up_row(0, 0.0), line_up_row(1, 0.125), **BOUND)
    assert (found["picked"]["mean"], found["picked"]["n"], found["chance"], found["bound"]) == (0.0625, 2, 0.01, 0.092)
    assert (found["candidates"], found["draws"], found["victims"], found["reasons"]) == (100, 16, 2, {})


def test_a_bound_for_another_number_of_candidates_is_not_printed_beside_the_rate(tmp_path: Path) -> None:
    found = summary_of(tmp_path, line_up_row(0, candidates=10), **BOUND)
    assert found["bound"] is None and found["chance"] == pytest.approx(0.1)


def test_a_victim_that_failed_is_counted_and_has_no_rate(tmp_path: Path) -> None:
    found = summary_of(tmp_path, line_up_row(0, 1.0), line_up_row(1, None, status="nonfinite", reason="inf"))
    assert (found["victims"], found["failures"], found["picked"]["n"]) == (2, 1, 1)


def test_a_cell_without_rows_says_why(tmp_path: Path) -> None:
    cell = Store(tmp_path).cell(StoredIdentification, "x", "0" * 16, {"labels": NAMES, "config": CONFIG})
    cell.fail("not_applicable", "it is too small")
    found = summarise(cell)
    assert found["picked"] is found["chance"] is found["bound"] is None
    assert found["reasons"] == {"cell": "not_applicable: it is too small"}
