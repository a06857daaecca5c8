"""Line-ups on disk: a row whose numbers cannot be true is read by nobody."""

from pathlib import Path
from typing import Any

import pytest
from line_up_rows import line_up_row

from bench.results.store import Store
from bench.results.stored_identification import StoredIdentification

NAMES = {"data": "mnist", "model": "lenet", "defense": "none"}
CONFIG = {"data": {"victims": 3, "batch_size": 1}, "model": {}, "seed": 0}


def opened(root: Path) -> StoredIdentification:
    return Store(root).cell(StoredIdentification, "x", "0" * 16, {"labels": NAMES, "config": CONFIG})


def test_rows_with_and_without_a_rate_come_back(tmp_path: Path) -> None:
    cell = opened(tmp_path)
    cell.append([line_up_row(0, 0.0), line_up_row(1, 1.0), line_up_row(2, None, status="nonfinite", reason="inf")])
    assert [row["picked"] for row in cell.rows()] == [0.0, 1.0, None]
    assert cell.done() == {0, 1, 2} and cell.wanted(CONFIG) == 3 and not cell.foreign()


@pytest.mark.parametrize(
    "wrong", [{"picked": 1.5}, {"picked": -0.1}, {"picked": float("nan")}, {"candidates": 0}, {"draws": 0}]
)
def test_numbers_that_cannot_be_true_are_read_by_nobody(tmp_path: Path, wrong: dict[str, Any]) -> None:
    cell = opened(tmp_path)
    cell.append([line_up_row(0) | wrong])
    assert cell.rows() == [] and len(cell.foreign()) == 1
