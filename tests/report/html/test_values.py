"""The values per victim are those whose mean a board prints, so that a paired comparison is about the same figures."""

from pathlib import Path

import numpy as np
import page_cells
import pytest
from page_cells import Kind

from bench.report.html.values import per_victim
from bench.report.leaderboard import leaderboard
from bench.results import query
from bench.results.intervals import GEOMETRIC


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory):
    root: Path = tmp_path_factory.mktemp("results")
    page_cells.add(root, Kind("dlg", "cifar10", steps=60, diverged=(1,)), 1, 5)
    page_cells.add(root, Kind("idlg", "mnist", batch=4, steps=25, diverged=(0,)), 2, 3)
    page_cells.add_sentences(root, "tag", 3, (0, 4, 12))
    return leaderboard(query.cells(root)).boards


def test_their_mean_is_the_figure_of_the_board(boards) -> None:
    seen = set()
    for board in boards:
        for row in board.rows:
            found = per_victim(row, board.measures)
            assert found["victim"] == list(range(row.summary["victims"]))
            for measure in board.measures:
                entry = measure.value(row.summary)
                if entry is None:
                    assert measure.key not in found["columns"]
                    continue
                values = np.array(found["columns"][measure.key], float)
                mean = 10 ** np.log10(values).mean() if entry["estimand"] == GEOMETRIC else values.mean()
                assert mean == pytest.approx(entry["mean"], rel=1e-8), measure.key
                seen.add(measure.key)
    assert seen >= {
        "success_1e-2",
        "label_accuracy",
        "label_overlap",
        "mse",
        "psnr",
        "exact_match",
        "seconds_per_victim",
    }


def test_how_a_victim_ended_is_said_in_the_words_of_the_figures(boards) -> None:
    rows = {row.summary["attack"]: row for board in boards for row in board.rows}
    assert per_victim(rows["tag"], boards[-1].measures)["ended"] == ["used its budget"] * 4


def test_a_failed_victim_is_no_success(boards) -> None:
    row = next(row for board in boards for row in board.rows if row.summary["attack"] == "dlg")
    found = per_victim(row, boards[0].measures)
    assert found["ended"][1] == "diverged" and found["columns"]["success_1e-2"] == [1.0, 0.0, 1.0, 1.0, 1.0]
