"""Rows of a table: seeds in one row or in several, what differs between them, and the paired test over seeds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from paper_cells import add_cell

from bench.report.measures import Measure
from bench.report.table import Missing, Value
from bench.report.table_options import TableOptions, options
from bench.report.table_rows import over_seeds, separated, table_rows
from bench.results import query

PSNR = Measure("psnr", ("psnr",), "PSNR, mean", "up", "dB", 1)
GOOD, WORSE = [1e-4] * 8, [1e-2 * (1 + i / 10) for i in range(8)]


def chosen(**given: object) -> TableOptions:
    return options("default", given)


def test_the_mean_over_seeds_with_its_interval(tmp_path: Path) -> None:
    for seed, error in enumerate((1e-2, 1e-3, 1e-4)):
        add_cell(tmp_path, "dlg", [error] * 4, seed=seed)
    (row,) = table_rows(query.cells(tmp_path).cells, chosen(seeds="mean"))
    found = row.figure(PSNR)
    assert isinstance(found, Value)
    assert (found.mean, found.n, row.word("seed")) == (pytest.approx(30), 12, "0, 1, 2")
    half = 4.302653 * 10 / np.sqrt(3)
    assert (found.low, found.high) == (pytest.approx(30 - half, rel=1e-5), pytest.approx(30 + half, rel=1e-5))


def test_squared_errors_are_averaged_on_logarithms_and_rates_stay_rates() -> None:
    logs = over_seeds([Value(1e-2, estimand="geometric mean"), Value(1e-4, estimand="geometric mean")])
    assert logs.mean == pytest.approx(1e-3) and logs.low is not None and logs.low > 0
    rate = over_seeds([Value(1.0, estimand="rate"), Value(0.5, estimand="rate")])
    assert (rate.mean, rate.low, rate.high) == (0.75, 0.0, 1.0)


def test_a_seed_counts_by_its_victims() -> None:
    found = over_seeds([Value(10.0, n=6), Value(20.0, n=2)])
    assert found.mean == pytest.approx((6 * 10 + 2 * 20) / 8) and found.n == 8
    spread, shares = np.std([10, 20], ddof=1), np.array([0.75, 0.25])
    assert found.high - found.mean == pytest.approx(12.7062 * spread * np.sqrt((shares**2).sum()), rel=1e-5)


def test_seeds_that_agree_have_no_interval_of_width_zero() -> None:
    found = over_seeds([Value(1.0, n=8, estimand="rate"), Value(1.0, n=8, estimand="rate")])
    assert (found.mean, found.low, found.high, found.n, found.method) == (1.0, None, None, 16, "all seeds agree")


def test_a_seed_without_a_value_leaves_no_mean(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [0.1] * 2, seed=0)
    add_cell(tmp_path, "dlg", [None] * 2, seed=1)
    (row,) = table_rows(query.cells(tmp_path).cells, chosen(seeds="mean"))
    found = row.figure(PSNR)
    assert isinstance(found, Missing) and "1 of 2 seeds" in found.reason


def test_rows_of_a_sweep_say_what_differs(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [0.1], seed=0)
    add_cell(tmp_path, "dlg", [0.1], seed=1, lr=0.5)
    add_cell(tmp_path, "idlg", [0.1], seed=1)
    found = table_rows(query.cells(tmp_path).cells, chosen(seeds="each"))
    assert [row.setting for row in found] == [{"seed": "0", "lr": "1.0"}, {"seed": "1", "lr": "0.5"}, {}]
    assert [row.setting for row in table_rows(query.cells(tmp_path).cells, chosen(seeds="mean"))] == [
        {"lr": "1.0"},
        {"lr": "0.5"},
        {},
    ]


def test_rows_that_differ_in_no_setting_show_their_identity(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [0.1])
    add_cell(tmp_path, "dlg", [0.2])
    found = table_rows(query.cells(tmp_path).cells, chosen(seeds="each"))
    assert all("id" in row.setting for row in found)


def test_a_seed_counts_once_in_a_mean(tmp_path: Path) -> None:
    for seed in (0, 0, 1):
        add_cell(tmp_path, "dlg", [0.1], seed=seed)
    found = table_rows(query.cells(tmp_path).cells, chosen(seeds="mean"))
    assert sorted(row.word("seed") for row in found) == ["0", "0, 1"]
    assert all("id" in row.setting for row in found)


def test_rows_are_chosen_by_names_with_stars(tmp_path: Path) -> None:
    for attack in ("dlg", "idlg", "dlg (lr=0.5)"):
        add_cell(tmp_path, attack, [0.1])
    cells = query.cells(tmp_path).cells
    names = {row.word("attack") for row in table_rows(cells, chosen(rows={"attack": ["dlg"]}))}
    assert names == {"dlg", "dlg (lr=0.5)"}
    assert len(table_rows(cells, chosen(rows={"attack": ["i*"]}))) == 1


def test_the_test_is_paired_over_the_same_victims_of_each_seed(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    add_cell(tmp_path, "idlg", WORSE)
    add_cell(tmp_path, "mine", WORSE, seed=3)
    dlg, idlg, mine = table_rows(query.cells(tmp_path).cells, chosen())
    assert separated(dlg, idlg, PSNR) and separated(idlg, dlg, PSNR)
    assert not separated(dlg, dlg, PSNR)
    assert not separated(dlg, mine, PSNR)  # no victim in common


def test_five_victims_cannot_separate(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD[:5])
    add_cell(tmp_path, "idlg", WORSE[:5])
    dlg, idlg = table_rows(query.cells(tmp_path).cells, chosen())
    assert not separated(dlg, idlg, PSNR)


@pytest.mark.parametrize("chunk", [None, 1])
def test_only_victims_that_were_timed_alone_are_separated_by_their_time(tmp_path: Path, chunk: int | None) -> None:
    """A row would be in bold for its time by a test of eight times that are shares of one."""
    add_cell(tmp_path, "dlg", GOOD)
    add_cell(tmp_path, "idlg", WORSE)
    found = table_rows(query.cells(tmp_path).cells, chosen())
    for row, each in zip(found, (0.5, 0.9)):
        cell, stored = row.members[0]
        cell.cell.facts["config"]["engine"] = {"chunk": chunk}
        at, times = stored.victims.column_names.index("seconds"), [each + i / 100 for i in range(8)]
        slower = stored.victims.set_column(at, stored.victims.schema.field("seconds"), pa.array(times))
        row.members[0] = (cell, replace(stored, victims=slower))
    time = Measure("seconds_per_victim", ("seconds_per_victim",), "time, mean")
    assert separated(*found, time) is (chunk == 1)
