"""Markdown and HTML of a table: the same figures and marks, and no markup from anybody's words."""

import xml.etree.ElementTree as ET
from pathlib import Path

import markdown as library
import pytest
from paper_cells import add_cell

from bench.report.paper_table import paper_table
from bench.report.plain_table import html_text, markdown_text
from bench.report.table_options import options
from bench.results import query

GOOD, WORSE = [1e-4 * (1 + i / 3) for i in range(8)], [1e-2 * (1 + i / 2) for i in range(8)]
HARD = "<script>alert(1)</script> *x* | `y`"


def tree(text: str) -> ET.Element:
    return ET.fromstring(f"<div>{text.replace('<br>', '<br/>')}</div>")


@pytest.mark.parametrize("intervals", ["small", "pm", "none"])
def test_both_formats_have_the_same_cells(tmp_path: Path, intervals: str) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    add_cell(tmp_path, "idlg", WORSE)
    found = paper_table(query.cells(tmp_path), options("default", {"intervals": intervals}))
    own = tree(html_text(found))
    rendered = tree(library.markdown(markdown_text(found), extensions=["tables"]))
    cells = [["".join(one.itertext()) for one in each.iter("td")] for each in (own, rendered)]
    assert cells[0] == cells[1]
    assert len(cells[0]) == 2 * len(found.columns)
    assert [one.text for one in own.iter("strong")] == [one.text for one in rendered.iter("strong")] != []
    assert ("±" in "".join(cells[0])) == (intervals == "pm")


def test_words_stay_words_and_nothing_is_loaded(tmp_path: Path) -> None:
    add_cell(tmp_path, HARD, GOOD)
    found = paper_table(query.cells(tmp_path), options("default", {"caption": HARD}))
    own = tree(html_text(found))
    assert next(own.iter("td")).text == HARD
    assert not list(own.iter("script")) and "http" not in html_text(found)
    assert "<script" not in markdown_text(found)
