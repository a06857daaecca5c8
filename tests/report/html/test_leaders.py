"""The page names a winner only where attacks were compared, and never one that a guess without the gradient beats."""

from pathlib import Path
from typing import Any

from paper_cells import add_cell

from bench.report.html.leaders import leaders
from bench.report.leaderboard import leaderboard
from bench.results import query


def named(root: Path) -> list[dict[str, Any]]:
    """The winners of the only board, by setting."""
    (board,) = leaderboard(query.cells(root)).boards
    return leaders(board)


def winners(root: Path) -> dict[str, tuple[str, list[str]]]:
    return {one["setting"]: (one["attack"], one["others"]) for one in named(root)}


def test_the_first_row_wins_and_what_the_test_does_not_separate_is_named(tmp_path: Path) -> None:
    best = add_cell(tmp_path, "idlg", [1e-4] * 6)
    add_cell(tmp_path, "dlg", [1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 5e-5])  # not in each pair: p > 5 %
    add_cell(tmp_path, "tag", [1e-3] * 6)  # in all six: p = 2 / 64
    (found,) = named(tmp_path)
    assert found == {
        "setting": "samples-mnist",
        "cell": best.identity,
        "attack": "idlg",
        "control": False,
        "origin": "",
        "others": ["dlg"],
    }


def test_five_victims_separate_nothing(tmp_path: Path) -> None:
    for attack, error in (("idlg", 1e-4), ("tag", 1e-2)):
        add_cell(tmp_path, attack, [error] * 5)  # p = 2 / 32
    assert winners(tmp_path) == {"samples-mnist": ("idlg", ["tag"])}


def test_other_victims_are_not_compared(tmp_path: Path) -> None:
    add_cell(tmp_path, "idlg", [1e-4] * 3)
    add_cell(tmp_path, "dlg", [2e-4] * 3, seed=1)
    add_cell(tmp_path, "tag", [3e-4] * 3)
    assert winners(tmp_path) == {"samples-mnist": ("idlg", ["tag"])}


def test_an_attack_is_not_its_own_rival(tmp_path: Path) -> None:
    for attack, lr in (("idlg", 1.0), ("idlg", 2.0), ("dlg", 3.0), ("dlg", 4.0)):
        add_cell(tmp_path, attack, [1e-5 * lr] * 3, lr=lr)
    assert winners(tmp_path) == {"samples-mnist": ("idlg", ["dlg"])}


def test_a_single_attack_and_a_defended_one_win_nothing(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-4] * 3)
    add_cell(tmp_path, "noise", [0.3] * 3, control=True)
    labels = {**cell.facts["labels"], "attack": "idlg", "defense": "clip"}
    add_cell(tmp_path, "idlg", [1e-6] * 3, labels=labels)
    assert named(tmp_path) == []


def test_a_control_that_stands_first_is_called_one(tmp_path: Path) -> None:
    for attack, error in (("dlg", 0.5), ("idlg", 0.4)):
        add_cell(tmp_path, attack, [error] * 3)
    add_cell(tmp_path, "mean", [0.1] * 3, control=True)
    (found,) = named(tmp_path)
    assert (found["attack"], found["control"], found["others"]) == ("mean", True, [])


def test_model_and_batch_size_are_said_where_they_differ(tmp_path: Path) -> None:
    for batch in (1, 2):
        for attack, error in (("dlg", 1e-4), ("idlg", 1e-3)):
            add_cell(tmp_path, attack, [error] * 4, batch=batch)
    add_cell(tmp_path, "dlg", [1e-4] * 8, batch=8)  # alone
    assert winners(tmp_path) == {
        "samples-mnist, batches of 1": ("dlg", ["idlg"]),
        "samples-mnist, batches of 2": ("dlg", ["idlg"]),
    }
