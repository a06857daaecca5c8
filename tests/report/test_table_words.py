"""The words around a table: each footnote has one letter, and headers are those that a reader of papers knows."""

from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.report.table_options import options
from bench.report.table_order import measures_of
from bench.report.table_rows import table_rows
from bench.report.table_words import Footnotes, column, said
from bench.results import query


def test_a_sentence_has_one_letter() -> None:
    found = Footnotes()
    assert [found.letter(words) for words in ("x", "y", "x")] == ["a", "b", "a"]
    assert [found.letter(str(number)) for number in range(26)][-3:] == ["z", "27", "28"]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("defense", "none", "no defence"), ("defense", "sign", "defence sign"), ("B", "4", "B = 4"),
     ("data", "lfw", "lfw"), ("threat", "basic", "threat model basic"), ("model", "lenet", "model lenet")],
)  # fmt: skip
def test_what_is_common_in_words(key: str, value: str, words: str) -> None:
    assert said(key, value) == words


def test_headers(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [0.1])
    known = measures_of(table_rows(query.cells(tmp_path).cells, options("default", {})))
    one = options("default", {"columns": ["success_1e-2"], "titles": {"ssim": "S"}})
    two = options("default", {"columns": ["success_1e-2", "success_1e-3"]})
    assert column("success_1e-2", known, one).title == "success"
    assert column("success_1e-3", known, two).title == "success 1e-3"
    assert (column("ssim", known, one).title, column("defense", known, one).title) == ("S", "defence")
    assert (column("psnr", known, one).title, column("psnr", known, one).unit) == ("PSNR", "dB")
