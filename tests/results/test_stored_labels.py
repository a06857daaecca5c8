"""Label inference on disk: rows survive anything but their own corruption, and a machine's failure is tried again."""

from pathlib import Path
from typing import Any

import pytest
from label_rows import label_row

from bench.results import store
from bench.results.store import Store
from bench.results.stored_labels import StoredLabels

CONFIG = {"attack": {"labels": {}}, "data": {"victims": 3, "batch_size": 4}, "model": {}, "seed": 0}
NAMES = {"attack": "yin", "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}


def opened(root: Path) -> StoredLabels:
    return Store(root).cell(StoredLabels, "yin-mnist-lenet", "0" * 16, {"labels": NAMES, "config": CONFIG})


def test_rows_come_back_the_latest_of_a_victim_and_a_corrupt_part_is_done_again(tmp_path: Path) -> None:
    cell = opened(tmp_path)
    cell.append([label_row(0, 3), label_row(2, 1)])
    cell.append([label_row(0, 4)])
    assert [(row["victim"], row["right"]) for row in cell.rows()] == [(0, 4), (2, 1)]
    assert [row["victim"] for row in cell.rows(2)] == [0] and cell.wanted(CONFIG) == 3
    part = sorted(cell.parts.iterdir())[0]
    part.write_bytes(part.read_bytes()[:40])
    (again,), warnings = store.cells(tmp_path, StoredLabels)
    assert again.foreign() == [part.name] and len(again.done()) < 3 and not warnings


def test_a_victim_for_which_the_machine_failed_is_not_done(tmp_path: Path) -> None:
    cell = opened(tmp_path)
    cell.append([label_row(0, 0, "out_of_memory"), label_row(1, 0, "nonfinite"), label_row(2, 4)])
    assert cell.done() == {1, 2} and cell.times()[2][1] == 0.5
    assert cell.count(2) == 1


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (label_row(0, 1, colour="red"), "unknown columns: colour"),
        ({"victim": 0, "status": "converged"}, "lacks batch_size, labels, right"),
    ],
)
def test_a_row_that_is_none_is_refused_and_nothing_is_written(
    tmp_path: Path, row: dict[str, Any], sentence: str
) -> None:
    cell = opened(tmp_path)
    with pytest.raises(ValueError, match=sentence):
        cell.append([label_row(1, 2), row])
    assert not cell.rows() and not list(cell.parts.iterdir())


def test_the_table_of_a_logger_has_a_row_per_victim(tmp_path: Path) -> None:
    cell = opened(tmp_path)
    cell.append([label_row(0, 3, inferred_batch_size=None, largest_batch_size=None)])
    table = cell.examples()
    (row,) = (dict(zip(table.columns, values)) for values in table.rows)
    assert (row["right"], row["inferred_batch_size"], row["status"]) == (3, None, "converged")


@pytest.mark.parametrize(
    "wrong", [{"right": 5}, {"right": -1}, {"classes_right": 5}, {"status": None}, {"largest_batch_size": None}]
)
def test_a_part_with_a_row_that_cannot_be_is_read_by_nobody(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Anybody may have written an entry that was imported, and a share above 1 would stop every report."""
    cell = opened(tmp_path)
    cell.append([label_row(0, 4) | wrong])
    assert cell.rows() == [] and len(cell.foreign()) == 1
