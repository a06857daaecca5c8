"""The boards of the page say what differs, leave out what does not, and never show a number that is not known."""

from pathlib import Path
from typing import Any

import numpy as np
import page_cells
import pytest
from page_cells import Kind
from paper_cells import add_cell

from bench.report.html import data as page_data
from bench.report.html.data import PageData, collect
from bench.report.leaderboard import leaderboard
from bench.results import query
from bench.results.bootstrap import student


def of(root: Path, pictures: bool = True) -> PageData:
    return collect(leaderboard(query.cells(root)), root, pictures)


def shown(board: dict[str, Any]) -> set[str]:
    return {column["key"] for column in board["columns"] if column["shown"]}


def test_what_all_rows_share_is_a_sentence_and_no_column(tmp_path: Path) -> None:
    for attack in ("dlg", "idlg"):
        add_cell(tmp_path, attack, [1e-3] * 2)
    (board,) = of(tmp_path).boards
    words = "All rows have the model lenet, no defence, batches of 1 and the seed 0. The division of no row is known."
    assert board["shared"] == words
    assert shown(board) >= {"attack", "data", "victims", "failed", "success_1e-2", "mse"}
    assert not shown(board) & {"model", "defense", "threat", "batch", "seed"}
    assert [column["key"] for column in board["columns"]][:3] == ["attack", "data", "model"]


def test_rows_of_a_sweep_can_be_told_apart(tmp_path: Path) -> None:
    for seed in (0, 1):
        for batch in (1, 2):
            add_cell(tmp_path, "dlg", [1e-3] * 2, seed=seed, batch=batch)
    found = of(tmp_path)
    board, _ = found.boards  # the other one has the means over seeds
    words = "All rows have the model lenet and no defence. The division of no row is known."
    assert board["shared"] == words and shown(board) >= {"batch", "seed"}
    labels = [(row["seed"], row["batch"]) for row in found.cells.values() if isinstance(row["seed"], int)]
    assert sorted(labels) == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_the_address_of_a_board_is_made_of_its_title_and_of_a_number_only_if_two_have_one(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-3], threat="basic")
    assert [board["id"] for board in of(tmp_path).boards] == ["threat-model-basic"]
    for threat in ("my/own", "my own"):
        add_cell(tmp_path, "dlg", [1e-3], threat=threat)
    assert [board["id"] for board in of(tmp_path).boards] == [
        "threat-model-basic",
        "threat-model-my-own-1",
        "threat-model-my-own-2",
    ]


def test_a_figure_has_the_numbers_of_the_summary_and_a_missing_one_only_its_reason(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-2, 1e-4], reasons={"ssim": "no window fits"})
    figures = of(tmp_path).cells[cell.identity]["figures"]
    assert figures["mse"]["mean"] == pytest.approx(1e-3) and figures["mse"]["estimand"] == "geometric mean"
    assert figures["psnr"] | {"low": 0, "high": 0, "interval": ""} == {
        "text": "30.0",
        "interval": "",
        "marks": "",
        "mean": 30.0,
        "low": 0,
        "high": 0,
        "n": 2,
        "estimand": "mean",
        "method": "Student's t",
    }
    bare = add_cell(tmp_path / "bare", "dlg", [None, None], reasons={"psnr": "nothing came back"})
    missing = of(tmp_path / "bare").cells[bare.identity]["figures"]["psnr"]
    assert list(missing) == ["reason"] and missing["reason"]


def test_a_stopped_cell_has_its_reason_and_no_figure(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [])
    cell.fail("error", "RuntimeError: it broke")
    found = of(tmp_path)
    row, detail = found.cells[cell.identity], found.details[cell.identity]
    assert (row["empty"], row["figures"], row["failed"]) == (True, {}, None)
    assert row["stopped"] == "raised an error: RuntimeError: it broke" and row["unfinished"] == ""
    assert detail["reasons"] == {} and detail["values"] == {"victim": [], "ended": [], "columns": {}}


def test_a_reason_is_said_once_for_all_figures_that_it_is_of() -> None:
    found = page_data._by_reason({"cell": "x", "psnr": "no range", "ssim": "too small", "mse": "no range"})
    assert found == {"psnr, mse": "no range", "ssim": "too small"}


def test_rows_with_the_same_victims_have_the_same_word(tmp_path: Path) -> None:
    one = add_cell(tmp_path, "dlg", [1e-3] * 2)
    more = add_cell(tmp_path, "idlg", [1e-3] * 4)  # further victims of the same dealing
    others = [
        add_cell(tmp_path, "dlg", [1e-3] * 2, seed=1),
        add_cell(tmp_path, "dlg", [1e-3] * 2, batch=2),
        add_cell(tmp_path, "dlg", [1e-3] * 2, data="lfw"),
        add_cell(tmp_path, "dlg", [1e-3] * 2, contents={"data": "ff"}),
    ]
    cells = of(tmp_path).cells
    assert cells[one.identity]["same"] == cells[more.identity]["same"]
    assert len({cells[cell.identity]["same"] for cell in (one, *others)}) == 5


def test_without_pictures_no_private_word_is_on_the_page(tmp_path: Path) -> None:
    cell = page_cells.add(tmp_path, Kind("dlg", "cifar10", steps=1), 1, 1)
    with_, without = of(tmp_path), of(tmp_path, pictures=False)
    assert with_.private and len(with_.truths) == 1 and with_.details[cell.identity]["classes"][3] == "cat"
    hidden = without.details[cell.identity]
    assert not without.private and without.truths == [] and hidden["classes"] == []
    assert hidden["examples"]["items"] == [] and len(hidden["curves"]) == 1  # a curve shows no example
    assert hidden["values"] == with_.details[cell.identity]["values"]


def test_many_cells_share_one_budget_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        page_cells.add(tmp_path, Kind("dlg", "cifar10", steps=2, seed=number), number, 3)

    def sizes() -> list[list[int]]:
        shown = [detail["examples"]["items"] for detail in of(tmp_path).details.values()]
        return [[len(item["frames"]) for item in items] for items in shown]

    before = sizes()
    each = max(before[0][0], before[1][0]) + 10
    monkeypatch.setattr(page_data, "PICTURE_BUDGET", 2 * each)
    assert [len(items) for items in before] == [3, 3]
    assert all(sum(items) <= each and 1 <= len(items) < 3 for items in sizes())


def test_every_column_has_help_and_the_facts_of_its_metric(tmp_path: Path) -> None:
    facts = {"values": [0, 100], "net": "mine", "column": {"title": "PSNR", "unit": "dB", "direction": "up"}}
    add_cell(tmp_path, "dlg", [1e-3] * 2, metrics={"psnr": facts}, paper={"value": "1", "source": "x", "known": "read"})
    (board,) = of(tmp_path).boards
    columns = {column["key"]: column for column in board["columns"]}
    assert all(column["help"].endswith(".") for column in columns.values()) and "paper" in columns
    assert "It lies between 0 and 100." in columns["psnr"]["help"] and "net mine" in columns["psnr"]["help"]
    assert (columns["psnr"]["title"], columns["psnr"]["unit"], columns["psnr"]["estimand"]) == ("PSNR", "dB", "mean")
    assert columns["success_1e-2"]["rate"] and not columns["psnr"]["rate"]


def test_the_test_in_the_page_has_the_quantiles_and_the_seed_of_bench_results() -> None:
    found = page_data._test([{"values": {"victim": [0, 1, 2, 3]}}, {"values": {"victim": []}}])
    assert found["student"] == [student(1), student(2), student(3)]
    assert found["student"][0] == pytest.approx(12.7062, abs=1e-4)
    state: Any = np.random.PCG64(0).state
    assert (int(found["state"]), int(found["increment"])) == (state["state"]["state"], state["state"]["inc"])
    assert len(page_data._test([])["student"]) == 1
