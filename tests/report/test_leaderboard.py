"""Boards: who stands in which, in which order, and what a reader is told below."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.report.leaderboard import Leaderboard, leaderboard
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


@pytest.fixture(scope="module")
def board(results: Path) -> Leaderboard:
    return leaderboard(query.cells(results))


def names(board: Leaderboard, threat: str) -> list[tuple[str, str]]:
    (found,) = [each for each in board.boards if each.threat == threat]
    return [(row.summary["attack"], row.summary["data"]) for row in found.rows]


def test_one_board_a_threat_model_ranked_per_data_set(board: Leaderboard) -> None:
    assert [each.threat for each in board.boards] == ["B", "C"]
    cifar, mnist = "samples/cifar10", "samples/mnist"
    assert names(board, "B") == [("idlg", cifar), ("dlg", cifar), ("random_noise", cifar), ("idlg", mnist)]
    # What does not apply comes last, and a control of another data set says nothing here.
    assert names(board, "C") == [("dlg", mnist), ("idlg", mnist)]


def test_a_control_of_the_same_data_is_in_every_board(add_cell: Callable[..., StoredLeak], tmp_path: Path) -> None:
    for number, threat in enumerate("BCE"):
        add_cell(tmp_path, f"{number}" * 16, f"attack_{threat}", "mnist", "mnist_", 2, threat=threat)
    add_cell(tmp_path, "9" * 16, "mean_image", "mnist", "mnist_", 2, threat="A", trace=False, control=True)
    found = leaderboard(query.cells(tmp_path))
    for threat in "BCE":
        assert names(found, threat) == [(f"attack_{threat}", "mnist"), ("mean_image", "mnist")]
    assert len(found.boards) == 3
    assert len(found.rows) == 4


def test_controls_alone_have_a_board(add_cell: Callable[..., StoredLeak], tmp_path: Path) -> None:
    add_cell(tmp_path, "9" * 16, "mean_image", "mnist", "mnist_", 2, threat="A", trace=False, control=True)
    assert names(leaderboard(query.cells(tmp_path)), "A") == [("mean_image", "mnist")]


def test_lower_error_breaks_a_tie_in_success(add_cell: Callable[..., StoredLeak], tmp_path: Path) -> None:
    """Neither has a success; the diverged one has the lower error of the two and stands first."""
    add_cell(tmp_path, "0" * 16, "a_noise", "cifar10", "cifar10_", 4, trace=False)
    add_cell(tmp_path, "1" * 16, "b_diverged", "cifar10", "cifar10_", 4, diverged=(0, 1, 2, 3))
    found = leaderboard(query.cells(tmp_path))
    assert [row.summary["success_rate"]["1e-2"]["mean"] for row in found.rows] == [0.0, 0.0]
    assert names(found, "B") == [("b_diverged", "cifar10"), ("a_noise", "cifar10")]


def test_a_row_says_where_it_comes_from(board: Leaderboard) -> None:
    row = board.boards[0].rows[1]
    assert row.provenance == {
        "seed": 0,
        "commit": "0123abc+dirty",
        "torch": "2.8.0",
        "device": "cpu",
        "wall": 4.0,
        "leakbench": None,
    }
    assert row.statuses == {"converged": 6, "diverged": 2}
    assert row.batch == 1
    assert board.boards[1].rows[0].batch == 4
    assert board.boards[0].rows[0].paper == "label acc. 1.00 (2001.02610 table 1, read)"
    assert row.paper == ""


def test_a_cell_that_does_not_apply_keeps_its_reason(board: Leaderboard) -> None:
    row = board.boards[1].rows[-1]
    assert row.stopped is not None
    assert row.stopped.startswith("not_applicable: attack 'idlg' needs batches of one")
    assert [measure.value(row.summary) for measure in board.boards[1].measures] == [None] * 12


def test_the_foot_says_what_the_figures_rest_on(board: Leaderboard) -> None:
    foot = "\n".join(board.boards[0].foot)
    for words in (
        "Means: Student's t below 30 victims, bootstrap-t from there on.",
        "‡ some victims are recovered",
        "Threat model B grants model, batch size; it does not grant labels.",
        "lpips_vgg: net vgg, size 64, interpolation bilinear, range [0, 1].",
        "30 converged, 2 diverged",
        "no backbone on this machine; run: leakbench prepare lpips (idlg on samples/cifar10, dlg on samples/cifar10",
        "label_accuracy: the attack makes no claim about labels (random_noise on samples/cifar10).",
        "marked dirty",
    ):
        assert words in foot
    assert "repeated" not in foot
    assert "dirty" not in "\n".join(board.boards[1].foot)


def test_repeated_images_are_told(tmp_path: Path) -> None:
    words = {"attack": "idlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "B"}
    cell = Store(tmp_path).cell(StoredLeak, "a", "0" * 16, {"labels": words})
    cell.append([{"victim": i, "status": "budget", "batch_size": 1, "repeats": i // 2} for i in range(5)], [])
    (board,) = leaderboard(query.cells(tmp_path)).boards
    assert any("Images repeated" in line and "idlg on mnist (3 of 5)" in line for line in board.foot)


def test_metric_settings_that_differ_name_their_data(tmp_path: Path) -> None:
    for number, (data, size) in enumerate((("lfw", 64), ("mnist", 32))):
        words = {"attack": "idlg", "data": data, "model": "lenet", "defense": "none", "threat": "B"}
        facts = {"labels": words, "metrics": {"lpips_vgg": {"net": "vgg", "size": size}}}
        Store(tmp_path).cell(StoredLeak, "a", f"{number}" * 16, facts)
    (board,) = leaderboard(query.cells(tmp_path)).boards
    assert "lpips_vgg on lfw: net vgg, size 64." in board.foot
    assert "lpips_vgg on mnist: net vgg, size 32." in board.foot


def test_skipped_files_reach_the_reader(add_cell: Callable[..., StoredLeak], tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "0" * 16, "idlg", "mnist", "mnist_", 2)
    (cell.parts / "victims-x.parquet").write_text("no")
    (line,) = leaderboard(query.cells(tmp_path)).warnings
    assert "victims-x.parquet" in line
