"""The board of the means over seeds has the figures of the tables, and its rows know the cells behind them."""

from pathlib import Path

import page_cells
import pytest
from page_cells import Kind

from bench.report.html.data import collect
from bench.report.html.means import means_board, printed
from bench.report.leaderboard import leaderboard
from bench.report.table import Missing, Value
from bench.results import query


def test_a_board_without_several_seeds_has_no_means(tmp_path: Path) -> None:
    page_cells.add(tmp_path, Kind("dlg", "mnist"), 1, 3)
    found = leaderboard(query.cells(tmp_path))
    (shown,) = collect(found, tmp_path).boards
    assert means_board(found.boards[0], shown) is None and shown["means"] == "" and shown["of"] == ""


def test_the_figures_are_means_over_the_victims_of_all_seeds(tmp_path: Path) -> None:
    for seed, victims in ((0, 3), (1, 6)):
        page_cells.add(tmp_path, Kind("dlg", "mnist", steps=25, seed=seed, diverged=(1,)), seed + 1, victims)
    page_cells.add(tmp_path, Kind("idlg", "mnist"), 9, 3)
    found = leaderboard(query.cells(tmp_path))
    data = collect(found, tmp_path)
    single, means = data.boards
    assert single["means"] == means["id"] and means["of"] == single["id"]
    (identity,) = means["rows"]
    row = data.cells[identity]
    assert (row["attack"], row["seed"], row["seeds"], row["victims"], row["failed"]) == (
        "dlg",
        "0, 1",
        ["0", "1"],
        9,
        2,
    )
    singles = [data.cells[one]["figures"]["psnr"] for one in single["rows"] if data.cells[one]["attack"] == "dlg"]
    pooled = sum(one["mean"] * one["n"] for one in singles) / sum(one["n"] for one in singles)
    assert row["figures"]["psnr"]["mean"] == pytest.approx(pooled)
    assert row["figures"]["psnr"]["method"] == "Student's t over seeds"
    assert identity not in data.details  # a mean has no victim to look at


def test_a_missing_figure_has_its_reason() -> None:
    assert printed(Missing("1 of 2 seeds has no value")) == {"reason": "1 of 2 seeds has no value"}
    assert printed(Value(0.5, low=0.25, high=0.75, places=2))["interval"] == "0.25 to 0.75"
