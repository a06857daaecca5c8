"""A CSV file has raw numbers, none of them rounded, and no text that a spreadsheet would compute."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import csv_file
from bench.report.leaderboard import Leaderboard, leaderboard, raw
from bench.report.table import Column, Line, Page, Table, Value
from bench.results import query


@pytest.fixture(scope="module")
def board(results: Path) -> Leaderboard:
    return leaderboard(query.cells(results))


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


def test_a_table_by_hand_is_its_keys_and_values(by_hand: Page) -> None:
    """A column without a key is left out, a figure is written out in full, and what is missing is empty."""
    (table,) = by_hand.sections[0].tables
    first, second, third = csv.DictReader(io.StringIO(csv_file.text(table)))
    parts = ("", "_low", "_high", "_n", "_left_out", "_estimand", "_method", "_median")
    assert list(first)[:9] == ["attack", *(f"mse{part}" for part in parts)]
    assert list(first)[-1] == "comment" and "pictures" not in first
    known = {key: first[key] for key in ("attack", "mse", "mse_low", "mse_n", "mse_left_out", "mse_method", "comment")}
    assert known == {
        "attack": "a|b_c",
        "mse": "0.01234",
        "mse_low": "0.01",
        "mse_n": "8",
        "mse_left_out": "2",
        "mse_method": "Student's t",
        "comment": "'=1+1",
    }
    assert (first["mse_median"], first["mse_median_high"], first["mse_median_method"]) == ("0.5", "0.75", "range")
    assert (second["mse_recovered_median"], second["mse_others_median_n"], second["mse_low"]) == ("0.001", "2", "")
    assert (second["psnr"], second["comment"]) == ("12.5", "3")
    assert {value for key, value in third.items() if key != "attack"} == {""} and third["attack"] == "idlg"


@given(st.floats(allow_nan=False), st.text(max_size=8))
def test_numbers_come_back_bit_for_bit_and_words_stay_in_their_cell(number: float, words: str) -> None:
    columns = [Column(key="x", figure=True), Column(key="words"), Column(key="last")]
    text = csv_file.text(Table(columns, [Line([Value(number), words, 7])]))
    (row,) = csv.DictReader(io.StringIO(text))
    assert repr(float(row["x"])) == repr(number) and row["last"] == "7"
    assert not row["words"].lstrip().startswith(("=", "+", "-", "@")) or float(row["words"]) is not None
