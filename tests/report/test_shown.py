"""A cell in the terminal: what was attacked, how it went in words, and its images or sentences."""

import io
from pathlib import Path

from paper_cells import add_cell
from rich.console import Console

from bench.report.rows import read
from bench.report.shown import document, ended, parts
from bench.results import query, verification
from bench.results.stored_leak import StoredLeak


def printed(cell: StoredLeak, victims: int = 2, width: int = 100, drawn: bool = True) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    for part in parts(cell, victims, width, drawn):
        console.print(part)
    return console.export_text()


def test_it_says_what_was_attacked_and_draws_the_images(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-3] * 4, failed=[3], images=True)
    text = printed(cell)
    for words in ("attack      dlg", "lr: 1.0", "PSNR (dB)", "1 victim: the objective ended above", "victims     4"):
        assert words in text
    assert text.count("truth, reconstruction") == 2
    assert text.count("▀▀▀▀  ▀▀▀▀\n") == 2 * 3  # 6 x 4 pixels, two of them per character
    assert printed(cell, victims=3).count("truth, reconstruction") == 3


def test_without_colours_or_pictures_it_says_so(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-3], images=True)
    assert "▀" not in printed(cell, drawn=False) and "shows them here" in printed(cell, drawn=False)
    assert "no images are stored" in printed(add_cell(tmp_path, "idlg", [1e-3]))


def test_how_victims_ended_is_told_in_words(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-3] * 2)
    assert ended(read(cell, query.rows(cell))) == ["2 victims: the budget of iterations or evaluations was used up"]
    empty = add_cell(tmp_path, "idlg", [])
    assert ended(read(empty, query.rows(empty))) == ["no victim is done"]
    empty.fail("error", "no memory")
    assert ended(read(empty, query.rows(empty))) == ["the cell stopped: error: no memory"]


def test_it_says_where_the_rows_come_from(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-3] * 2)
    assert "division    not known: attack has no version in its record" in printed(cell)
    assert "origin" not in printed(cell)
    origin = {"at": "2026-01-01T00:00:00+00:00", "file": "their_lab.zip", "sha256": "0"}
    verification.write(cell.folder, verification.arrived(verification.read(cell.folder), origin))
    assert "origin      claimed (their_lab.zip)" in printed(cell)
    assert document(cell)["origin"] == "claimed" and document(cell)["division"] == "not known"


def test_the_document(tmp_path: Path) -> None:
    found = document(add_cell(tmp_path, "dlg", [1e-3] * 2))
    assert (found["statuses"], found["config"]["attack"]["lr"]) == ({"budget": 2}, 1.0)
