"""Cells that differ in their seeds only have a further line, with the mean over the victims of all seeds."""

from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.report import markdown
from bench.report.leaderboard import Board, leaderboard, page
from bench.report.seeds import NOTE, means_over_seeds
from bench.results import query


def board_of(root: Path) -> Board:
    (board,) = leaderboard(query.cells(root)).boards
    return board


def test_only_settings_with_several_seeds_have_a_mean(tmp_path: Path) -> None:
    for seed in (0, 1, 2):
        add_cell(tmp_path, "idlg", [10.0 ** -(2 + seed)] * 4, seed=seed)
    add_cell(tmp_path, "dlg", [1e-1] * 4, seed=0)
    add_cell(tmp_path, "dlg", [1e-1] * 4, seed=1, lr=0.5)  # another setting
    add_cell(tmp_path, "dlg", [1e-1] * 4, seed=2, batch=2)  # another batch size
    (row,) = means_over_seeds(board_of(tmp_path).rows)
    assert (row.word("attack"), row.word("seed")) == ("idlg", "0, 1, 2")


def test_two_versions_of_one_seed_are_no_two_seeds(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [0.1] * 2)
    add_cell(tmp_path, "dlg", [0.2] * 2)
    assert means_over_seeds(board_of(tmp_path).rows) == []


def test_the_order_is_that_of_the_board(tmp_path: Path) -> None:
    for attack, error in (("bad", 1e-1), ("good", 1e-4)):
        for seed in (0, 1):
            add_cell(tmp_path, attack, [error] * 4, seed=seed)
    assert [row.word("attack") for row in means_over_seeds(board_of(tmp_path).rows)] == ["good", "bad"]


def test_the_leaderboard_has_a_table_of_them(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-2] * 4, seed=0)
    plain = page(leaderboard(query.cells(tmp_path)), {})
    assert "Means over seeds" not in markdown.page(plain)
    add_cell(tmp_path, "dlg", [1e-4] * 12, seed=1)
    found = page(leaderboard(query.cells(tmp_path)), {})
    text = markdown.page(found)
    assert "### Means over seeds" in text and f"- {NOTE}" in text
    table = next(one for one in found.sections[0].tables if one.title == "Means over seeds")
    (line,) = table.lines
    cells = dict(zip((column.title for column in table.columns), line.cells))
    assert (cells["seeds"], cells["victims"], cells["failed"]) == ("0, 1", 16, 0)
    psnr = next(cell for title, cell in cells.items() if title.startswith("PSNR"))
    assert psnr.mean == pytest.approx((4 * 20 + 12 * 40) / 16) and psnr.method == "Student's t over seeds"  # type: ignore[union-attr]
