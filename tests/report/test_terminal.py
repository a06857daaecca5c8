"""Tables in a terminal: they fit, their columns stand below one another, and a mark is explained where it is used."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from bench.report import csv_file, terminal
from bench.report.leaderboard import Leaderboard, leaderboard, page, raw
from bench.report.table import Page
from bench.results import query
from bench.results.stored_leak import StoredLeak


@pytest.fixture(scope="module")
def board(results: Path) -> Leaderboard:
    return leaderboard(query.cells(results))


def test_the_terminal_table_fits_and_aligns(board: Leaderboard) -> None:
    text = terminal.text(page(board, {}))
    lines = text.splitlines()
    assert max(cell_len(line) for line in lines if "not_applicable" not in line) <= 120
    header = lines[1]
    for words in ("attack", "data", "n", "failed", "MSE≤1e-2↑", "label↑", "MSE↓", "PSNR↑", "SSIM↑", "LPIPS vgg↓"):
        assert words in header
    row = next(line for line in lines if line.startswith("dlg"))
    # two of eight were not recovered: three means without an interval of their own
    expected = "dlg|samples/cifar10|8|2|0.75 [0.41,0.93]|1.00|0.00744‡|21.3‡|0.659‡|n/a|0.500"
    assert re.sub(" {2,}", "|", row) == expected
    assert len(row) == len(header)
    assert "random_noise*" in text
    assert "* control" in text and "‡ some victims are recovered" in text
    assert "MSE: geometric mean, Student's t on log10" in " ".join(text.split())
    assert "needs batches of one" in text


def test_the_overlap_of_labels_has_a_column_where_batches_have_several_images(board: Leaderboard) -> None:
    """Board C has batches of four, board B of one: there it would say what the accuracy says."""
    single, several = terminal.text(page(board, {})).split("\n\n")[:2]
    assert "overlap↑" not in single and "overlap↑" in several


def test_long_names_are_cut_in_the_terminal_only(add_cell: Callable[..., StoredLeak], tmp_path: Path) -> None:
    name = "an_attack_with_a_very_long_name_of_its_own"
    add_cell(tmp_path, "0" * 16, name, "a_data_set_with_a_long_name_too", "cifar100_", 2)
    found = leaderboard(query.cells(tmp_path))
    assert max(map(cell_len, terminal.text(page(found, {})).splitlines())) <= 120
    assert "an_attack_with_a_…" in terminal.text(page(found, {}))
    assert name in csv_file.text(raw(found))


def test_a_page_by_hand(by_hand: Page) -> None:
    """All of the text: an interval only if the column asks for it, and the words below that the table needs."""
    head, rule, *rows = terminal.text(by_hand).split("\n\n")[0].splitlines()[1:]
    assert terminal.text(by_hand).startswith("Alone\n") and terminal.text(by_hand).endswith("\n\nThe method.")
    assert [head, *rows[:3]] == [
        "attack                     MSE↓  PSNR↑",
        "a|b_c*  0.0123† [0.0100,0.0200]    n/a",
        "long_…                   0.250‡   12.5",
        "idlg    not_applicable: a_b",
    ]
    assert rule == "-" * len(head)
    below = " ".join(rows[3:])
    assert below.startswith("* control † mean over survivors") and " ‡ some victims are recovered" in below
    assert below.endswith(" a stopped: error: x")
