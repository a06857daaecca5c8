"""The column of the worst case: shown where there is a choice of attacks, with its chance level beside it."""

from pathlib import Path

import pytest
from results.test_join import add

from bench.report import defenses, worst_case_column
from bench.results.join import boards
from bench.results.query import cells

HALVES = [1e-4] * 4 + [1e-2] * 4  # 40 dB and 20 dB


def board_of(root: Path):
    (found,) = boards(cells(root).cells, [])
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add(tmp_path, 0, "dlg", "none", HALVES)
    add(tmp_path, 1, "cosine", "none", HALVES[::-1])
    add(tmp_path, 2, "dlg", "pruning", 0.1)
    return tmp_path


def test_it_is_the_mean_over_victims_of_the_attack_that_gets_most(root: Path) -> None:
    board = board_of(root)
    by = {line.title: line for line in board.lines}
    assert by["none"].worst.mean == pytest.approx(30.0)  # either attack alone
    (cell,) = worst_case_column.cells(by["none"], board)
    assert cell.mean == pytest.approx(40.0)
    assert worst_case_column.raw(by["none"], board) == [pytest.approx(40.0), 2, None, 0]
    assert by["none"].worst_case([]).won == {"dlg": 4, "cosine": 4}
    (note,) = worst_case_column.notes(board)
    assert "of 1 to 2 attacks" in note and "No control was run" in note
    assert "worst case" in [column.title for column in defenses._table(board).columns]


def test_the_best_of_as_many_controls_stands_beside_it(root: Path) -> None:
    add(root, 3, "mean", "none", 0.1, control=True)
    add(root, 4, "noise", "none", [0.01] * 2 + [0.2] * 6, control=True)
    board = board_of(root)
    none = next(line for line in board.lines if line.title == "none")
    # two victims at 20 dB and six at 10 dB
    assert worst_case_column.raw(none, board)[2:] == [pytest.approx(12.5), 2]
    (note,) = worst_case_column.notes(board)
    assert "the best of 2 controls on the same victims gets 12.5 dB" in note


def test_without_a_choice_there_is_no_column(tmp_path: Path) -> None:
    add(tmp_path, 0, "dlg", "none", 1e-4)
    add(tmp_path, 1, "dlg", "pruning", 0.1)
    board = board_of(tmp_path)
    assert worst_case_column.columns(board) == worst_case_column.notes(board) == []
    assert worst_case_column.cells(board.lines[0], board) == []
