"""The files from which a leaderboard can be made elsewhere, with private sentences or without."""

from pathlib import Path

import page_cells
import pyarrow.parquet as pq
from page_cells import Kind

from bench.report.page import write
from bench.results import query
from bench.results.row_files import digest, row_files, sentences


def carried(root: Path, elsewhere: Path, *, private: bool) -> Path:
    for cell in query.cells(root).cells:
        for name, content in row_files(cell, private=private):
            (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
            (elsewhere / name).write_bytes(content)
    return elsewhere


def test_the_leaderboard_is_the_same_elsewhere_and_no_picture_goes_along(tmp_path: Path) -> None:
    page_cells.add(tmp_path / "a", Kind("idlg", "mnist"), 1, victims=3)
    page_cells.add(tmp_path / "a", Kind("dlg", "mnist", steps=5), 2, victims=3)
    for private in (True, False):
        elsewhere = carried(tmp_path / "a", tmp_path / f"b{private}", private=private)
        assert {path.suffix for path in elsewhere.rglob("*") if path.is_file()} == {".json", ".parquet"}
        for folder in (tmp_path / "a", elsewhere):
            write(folder, pictures=False)
        boards = [(folder / "leaderboard.csv").read_text() for folder in (tmp_path / "a", elsewhere)]
        assert boards[0] == boards[1]


def test_sentences_go_along_only_if_they_may(tmp_path: Path) -> None:
    cell = page_cells.add_sentences(tmp_path / "a", "dlg", 1, [0, 4])
    (part,) = cell.parts.glob("samples-*")
    assert sentences(part) == ["text", "text_guess", "text_trace"]
    for private in (True, False):
        (kept,) = carried(tmp_path / "a", tmp_path / f"b{private}", private=private).rglob("samples-*")
        assert (kept.read_bytes() == part.read_bytes()) == private
        assert bool(sentences(kept)) == private
        scores = pq.read_table(part, columns=["victim", "rouge_1"])
        assert pq.read_table(kept, columns=["victim", "rouge_1"]).equals(scores)


def test_a_digest_is_that_of_names_and_contents() -> None:
    files = [("a", b"1"), ("b", b"2")]
    assert len({digest(files), digest(files[::-1]), digest([("a", b"1"), ("b", b"3")]), digest(files[:1])}) == 4
    assert digest(files) == digest(list(files))
