"""A page of markdown is a table with the same words to another program, whatever stands in a name."""

import html
import re
from pathlib import Path

import markdown as reader
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import markdown
from bench.report.leaderboard import Leaderboard, leaderboard, page
from bench.report.table import Page
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.terminal.printable import visible


@pytest.fixture(scope="module")
def board(results: Path) -> Leaderboard:
    return leaderboard(query.cells(results))


def printed_table(text: str, number: int) -> list[list[str]]:
    """Header and rows of a table of a markdown page, as another program understands it."""
    page = reader.markdown(text, extensions=["tables"])
    table = page.split("<table>")[number + 1].split("</table>")[0]
    lines = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL) for line in lines]


def test_markdown_is_a_table_to_another_reader(board: Leaderboard, results: Path) -> None:
    folder = next(row.cell.folder for row in board.rows)
    text = markdown.page(page(board, {folder: "grids/x.png"}))
    scores, origin = printed_table(text, 0), printed_table(text, 1)
    header = scores[0]
    assert header[:7] == ["attack", "data", "model", "defense", "B", "victims", "failed"]
    wanted = ("success rate, MSE 1e-2 ↑", "MSE, geometric mean ↓", "PSNR, mean ↑ (dB)", "LPIPS vgg, mean ↓", "paper")
    for words in wanted:
        assert words in header
    assert all(len(line) == len(header) for line in scores)
    by_name = {line[0]: dict(zip(header, line)) for line in scores[1:4]}
    assert by_name["dlg"]["failed"] == "2"
    assert by_name["dlg"]["success rate, MSE 1e-2 ↑"] == "0.75<br><sub>0.41 – 0.93</sub>"
    assert by_name["idlg"]["paper"] == "label acc. 1.00 (2001.02610 table 1, read)"
    assert by_name["random_noise (control)"]["LPIPS vgg, mean ↓"] == "n/a"
    assert origin[1][-1] == '<a href="grids/x.png">grid</a>'
    assert origin[2][-2:] == ["6 converged, 2 diverged", ""]


def test_markdown_of_a_refused_cell_is_its_reason(board: Leaderboard) -> None:
    line = printed_table(markdown.page(page(board, {})), 2)[-1]
    assert line[6] == "-"
    reason = "not_applicable: attack 'idlg' needs batches of one; data.batch_size is 4 (50 % more &amp; a_b)"
    assert line[7] == f"<em>{reason}</em>"


def test_names_are_never_markup(tmp_path: Path) -> None:
    words = {"attack": "a|b_c_*d*<b>", "data": "[x](y)", "model": "`m`", "defense": "n\nn", "threat": "B"}
    Store(tmp_path).cell(StoredLeak, "a", "0" * 16, {"labels": words}).fail("error", "x | y")
    text = markdown.page(page(leaderboard(query.cells(tmp_path)), {}))
    (line,) = printed_table(text, 0)[1:]
    assert line[:4] == ["a|b_c_*d*&lt;b&gt;", "[x](y)", "`m`", "n n"]


def test_the_overlap_of_labels_has_a_column_where_batches_have_several_images(board: Leaderboard) -> None:
    """Board C has batches of four, board B of one: there it would say what the accuracy says."""
    pages = markdown.page(page(board, {}))
    assert "label overlap, mean ↑" not in printed_table(pages, 0)[0]
    header, line, *_ = printed_table(pages, 2)
    assert dict(zip(header, line))["label overlap, mean ↑"].startswith("1.00")


def test_a_page_by_hand(by_hand: Page) -> None:
    """All of the file: what is left out, marked and escaped, and where the reason of an empty line stands."""
    assert markdown.page(by_hand).splitlines() == [
        "# Title",
        "",
        "## Board",
        "",
        "| attack | MSE, mean ↓ (px) | PSNR ↑ | pictures |",
        "| :-- | --: | --: | :-- |",
        "| a\\|b\\_c (control) | 0.0123†<br><sub>0.0100 – 0.0200</sub> (2 diverged) | no net | [grid](x.png) |",
        "| long\\_name | 0.250‡<br><sub>medians 0.00100 of 6, 0.200 of 2</sub> | 12.5 |  |",
        "| idlg | *not\\_applicable: a\\_b* |  |  |",
        "",
        "### Notes",
        "",
        "- 50 % of a\\_b.",
        "",
        "## Skipped",
        "",
        "- skipped x: y",
        "",
        "![a picture](p.png)",
    ]


@given(st.text(max_size=20))
def test_any_words_read_as_they_were_written(words: str) -> None:
    """Another program makes of the escaped words one cell with these words, and no markup."""
    text = "\n".join(markdown.grid(["a", "b"], "lr", [["x" + markdown.escape(words) + "x", "1"]]))
    row = printed_table(text, 0)[1]
    plain = html.unescape(row[0])
    assert re.sub(r"\s+", " ", plain) == re.sub(r"\s+", " ", "x" + visible(words) + "x") and row[1] == "1"
