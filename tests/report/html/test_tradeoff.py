"""A point of the plot is where its defence stands, leads to its row, and is on the front only if nothing beats it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.modalities.sentences import MODALITY as SENTENCES
from bench.report.html.tradeoff import tradeoffs
from bench.results.defense_result import DefenseBoard

Boards = Callable[..., DefenseBoard]
NONE = ("none", "", [1e-3, 1e-3], 0.95, None)  # 30 dB
WEAK = ("noise", "std 1", [1e-2, 1e-2], 0.9, None)  # 20 dB
STRONG = ("pruning", "", [1e-1, 1e-3], 0.5, None)  # 10 and 30 dB, worse than `WEAK` in accuracy and no better in leak
UNTRAINED = ("clip", "", [1e-1, 1e-1], None, None)


def test_points_stand_where_their_defences_do(defense_board: Boards) -> None:
    board = defense_board(NONE, WEAK, STRONG, UNTRAINED)
    (found,) = tradeoffs([board])
    points = {point["title"]: point for point in found["plot"]["points"]}
    assert points.keys() == {"none", "noise std 1", "pruning"}
    for title, accuracy, leak, front in (
        ("none", 0.95, 30.0, True),
        ("noise std 1", 0.9, 20.0, True),
        ("pruning", 0.5, 20.0, False),
    ):
        point = points[title]
        assert point["accuracy"]["mean"] == pytest.approx(accuracy) and point["leak"]["mean"] == pytest.approx(leak)
        assert point["front"] is front and point["attack"] == "dlg"
        assert point["accuracy"]["low"] < accuracy < point["accuracy"]["high"]
    assert points["noise std 1"]["family"] == "noise"


def test_every_line_and_every_point_leads_to_the_cell_of_its_worst_attack(defense_board: Boards) -> None:
    board = defense_board(NONE, WEAK, UNTRAINED)
    (found,) = tradeoffs([board])
    cells = {line.title: line.worst.cell.identity for line in board.lines}
    assert found["links"] == list(cells.values()) and len(set(found["links"])) == 3
    assert len(found["tables"][0].lines) == 3
    assert all(point["cell"] == cells[point["title"]] for point in found["plot"]["points"])


def test_a_plot_takes_two_defences_with_an_accuracy(defense_board: Boards) -> None:
    assert tradeoffs([defense_board(NONE, UNTRAINED)])[0]["plot"] is None
    assert tradeoffs([defense_board(NONE, WEAK)])[0]["plot"] is not None


def test_the_axis_has_the_score_and_the_unit_of_its_data(defense_board: Boards) -> None:
    board = defense_board(NONE, WEAK)
    assert tradeoffs([board])[0]["plot"]["y"] == "leak under the worst attack: PSNR (dB)"
    (found,) = tradeoffs([replace(board, modality=SENTENCES)])
    assert (found["plot"]["y"], found["plot"]["places"]) == ("leak under the worst attack: ROUGE-1", 3)


def test_boards_of_one_title_have_places_of_their_own(defense_board: Boards) -> None:
    board = defense_board(NONE, WEAK)
    ids = [one["id"] for one in tradeoffs([board, board])]
    assert len(set(ids)) == 2 and all(one.startswith("defences-") for one in ids)


def test_without_boards_there_is_nothing() -> None:
    assert tradeoffs([]) == []
