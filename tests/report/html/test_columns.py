"""The columns say where a row stands and what a paper reports, and those that say nothing are hidden at first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import page_cells
import pytest
from page_cells import Kind

from bench.report.html.columns import columns_of, remembered, reported
from bench.report.leaderboard import Board, leaderboard
from bench.report.papers import REMEMBERED
from bench.results import query, verification
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

ORIGIN = {"at": "2026-01-01T00:00:00+00:00", "file": "entry.zip", "sha256": "0"}


@pytest.fixture
def board_of(tmp_path: Path) -> Callable[..., Board]:
    """`board_of({attack: paper's figures}, claimed)`: a board with a row per attack."""

    def made(papers: dict[str, Any], claimed: tuple[str, ...] = ()) -> Board:
        for number, (attack, figures) in enumerate(papers.items()):
            cell = page_cells.add(tmp_path, Kind(attack, "mnist", steps=25), number + 1, 3)
            if figures:
                Store(tmp_path).cell(StoredLeak, "x", cell.identity, {**cell.facts, "paper": figures})
            if attack in claimed:
                verification.write(cell.folder, verification.arrived(verification.read(cell.folder), ORIGIN))
        (board,) = leaderboard(query.cells(tmp_path)).boards
        return board

    return made


def named(board: Board, shared: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    return {column["key"]: column for column in columns_of(board, shared)}


def test_the_origin_is_shown_once_a_row_came_from_elsewhere(board_of: Callable[..., Board]) -> None:
    assert not named(board_of({"dlg": None, "idlg": None}), ("origin",))["origin"]["shown"]
    assert named(board_of({"dlg": None, "idlg": None}, ("dlg", "idlg")), ("origin",))["origin"]["shown"]


def test_a_reported_figure_stands_beside_the_measured_one(board_of: Callable[..., Board]) -> None:
    board = board_of(
        {
            "dlg": {"value": "success rate at MSE 1e-2 0.76", "source": "2001.02610 Figure 1", "known": "DIGITISED"},
            "idlg": {"value": "PSNR 25.04 dB", "source": "somewhere", "known": "FROM MEMORY"},
            "tag": {"value": "about as good as DLG", "known": "READ"},
        }
    )
    keys = list(named(board))
    assert keys[keys.index("success_1e-2") + 1] == "reported_success_1e-2"
    assert keys[keys.index("psnr") + 1] == "reported_psnr" and keys[-1] == "paper"
    heads = {key: [column[part] for part in ("title", "estimand", "unit")] for key, column in named(board).items()}
    assert heads["reported_psnr"] == ["PSNR", "reported", "dB"]
    assert heads["reported_success_1e-2"] == ["success rate", "MSE 1e-2, reported", ""]
    assert {row.summary["attack"]: reported(row, board.measures) for row in board.rows} == {
        "dlg": {"reported_success_1e-2": {"text": "0.76", "below": "2001.02610 Figure 1, digitised"}},
        "idlg": {"reported_psnr": {"text": f"25.0{REMEMBERED}", "below": "somewhere, from memory"}},
        "tag": {},
    }
    assert remembered(board) == [f"{REMEMBERED} the reported figure is remembered: nobody has looked it up."]


def test_a_board_without_papers_has_no_such_column(board_of: Callable[..., Board]) -> None:
    board = board_of({"dlg": None})
    assert not [key for key in named(board) if key.startswith("reported_") or key == "paper"]
    assert remembered(board) == []
