"""The same figures in every form: as printed, and raw where a program reads them."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import markdown as reader
import pytest
from rich.cells import cell_len

from bench.report import csv_file, markdown, terminal
from bench.report.leaderboard import Leaderboard, leaderboard, page, raw
from bench.report.table import number
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


@pytest.fixture(scope="module")
def board(results: Path) -> Leaderboard:
    return leaderboard(query.cells(results))


def printed_table(text: str, number: int) -> list[list[str]]:
    """Header and rows of a table of a markdown page, as another program understands it."""
    page = reader.markdown(text, extensions=["tables"])
    table = page.split("<table>")[number + 1].split("</table>")[0]
    lines = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL) for line in lines]


def test_csv_holds_the_raw_numbers(board: Leaderboard) -> None:
    lines = list(csv.DictReader(io.StringIO(csv_file.text(raw(board)))))
    assert len(lines) == len(board.rows) == 6
    for line, row in zip(lines, board.rows):
        assert (line["attack"], line["identity"]) == (row.summary["attack"], row.cell.identity)
        for key in ("mse", "psnr", "ssim", "label_accuracy"):
            value = row.summary[key]
            for suffix, part in (("", "mean"), ("_low", "low"), ("_high", "high"), ("_n", "n")):
                found = line[key + suffix]
                assert (float(found) if found else None) == (value[part] if value else None)
    first = lines[0]
    assert float(first["success_1e-2"]) == 1.0
    assert (first["victims"], first["failures"], first["lpips_vgg"], first["control"]) == ("8", "0", "", "0")
    assert (first["torch"], first["statuses"]) == ("2.8.0", "converged=8")
    refused = next(line for line in lines if line["identity"] == "5" * 16)
    assert (refused["victims"], refused["mse"]) == ("0", "")
    assert "needs batches of one" in refused["reason"]


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
    pages = markdown.page(page(board, {}))
    assert "label overlap, mean ↑" not in printed_table(pages, 0)[0]
    header, line, *_ = printed_table(pages, 2)
    assert dict(zip(header, line))["label overlap, mean ↑"].startswith("1.00")
    single, several = terminal.text(page(board, {})).split("\n\n")[:2]
    assert "overlap↑" not in single and "overlap↑" in several


def test_long_names_are_cut_in_the_terminal_only(add_cell: Callable[..., StoredLeak], tmp_path: Path) -> None:
    name = "an_attack_with_a_very_long_name_of_its_own"
    add_cell(tmp_path, "0" * 16, name, "a_data_set_with_a_long_name_too", "cifar100_", 2)
    found = leaderboard(query.cells(tmp_path))
    assert max(map(cell_len, terminal.text(page(found, {})).splitlines())) <= 120
    assert "an_attack_with_a_…" in terminal.text(page(found, {}))
    assert name in csv_file.text(raw(found))


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (0.0, None, "0.00"),
        (0.03456, None, "0.0346"),
        (0.00012, None, "1.20e-04"),
        (999.9, None, "1,000"),
        (12345.6, None, "12,346"),
        (-0.0021, 3, "-0.002"),
        (1e7, None, "1.00e+07"),
        (24.16, 1, "24.2"),
        (float("inf"), 1, "inf"),
    ],
)
def test_numbers_as_printed(value: float, places: int | None, expected: str) -> None:
    assert number(value, places) == expected
