"""The board of docs/defenses.md is what the suite's own page says, with fewer columns."""

import doctest

import defense_tables
import pytest
from defense_tables import BOARD, CLAIMS, COLUMNS, PAGE, chosen, tables
from made_tables import END


def test_its_examples() -> None:
    assert doctest.testmod(defense_tables).failed == 0


def test_columns_are_found_by_their_names_whatever_their_unit_is() -> None:
    table = [["rank", "leak, mean ↓ (dB)", r"dlg\_masked, rate ↓", "dlg, rate ↓"], ["--:", ":--", "--:", "--:"]]
    table.append(["1", "12.1", "0.50", "0.25"])
    lines = chosen(table, ("dlg", "leak")).splitlines()
    assert lines[::2] == ["| dlg, rate ↓ | leak, mean ↓ (dB) |", "| 0.25 | 12.1 |"]
    with pytest.raises(StopIteration):
        chosen(table, ("idlg",))


def test_the_page_has_both_tables_with_every_defence_of_the_suite() -> None:
    text = PAGE.read_text()
    board, claims = (tables(text.partition(mark)[2].partition(END)[0])[0] for mark in (BOARD, CLAIMS))
    assert len(board[0]) == len(COLUMNS) and len(board) == 2 + 22  # head, rule, and the defences of the suite
    assert claims[0] == ["claim", "as measured here", "figures"] and len(claims) > 2
