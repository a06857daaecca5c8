"""Cells with a row per victim: each block is stored when it is done, and a cell fails if all its victims do."""

from pathlib import Path

import pytest
from limit_rows import limit_row

from bench.config.compose import compose
from bench.results.failure import Failure
from bench.results.store import Store
from bench.results.stored_limits import StoredLimits
from bench.running.limit_cell import LimitCell
from bench.running.measured_cell import RowRecorder
from bench.running.trainer import attack_trainer

CFG = ("measure=limit", "data.set=mnist", "data.victims=3", "logger=none", "trainer=cpu")


def test_the_rows_of_a_block_are_stored_at_once_with_where_they_were_computed(tmp_path: Path) -> None:
    config = {"data": {"victims": 3}, "model": {}, "seed": 0}
    names = {"data": "mnist", "model": "lenet", "defense": "none"}
    cell = Store(tmp_path).cell(StoredLimits, "x", "0" * 16, {"labels": names, "config": config})
    heard: list[int] = []
    recorder = RowRecorder(cell, attack_trainer(compose(list(CFG))), heard.append)
    recorder([limit_row(0), limit_row(1)])
    assert [row["victim"] for row in cell.rows()] == [0, 1] and heard == [2]
    recorder([limit_row(2)])
    recorder.flush()
    row = cell.rows()[-1]
    assert heard == [2, 1] and row["device"] and row["host"] and row["versions"] and row["rank"] == 0


@pytest.mark.parametrize(
    ("words", "failure"),
    [
        (["nonfinite", "nonfinite"], Failure("nonfinite", "no SVD (all 2 victims failed)")),
        (["nonfinite", "converged"], None),
        ([], None),
    ],
)
def test_a_cell_fails_if_every_victim_does(words: list[str], failure: Failure | None) -> None:
    rows = [limit_row(place, status=word, reason="no SVD") for place, word in enumerate(words)]
    assert LimitCell(compose(list(CFG))).failed(rows) == failure
