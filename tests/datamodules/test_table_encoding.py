"""Public rows standardise all rows, and the most usual row is theirs."""

import numpy as np
import pytest

from bench.datamodules.table_encoding import Categories, RawTable, encoded

AGE = np.array([20.0, 40.0, 60.0, 200.0])
WORK = Categories(np.array([2, 2, 0, 1]), ("a", "b", "c"))
TABLE = RawTable({"age": AGE, "work": WORK, "same": np.full(4, 7.0)}, np.array([0, 1, 0, 1]), ("no", "yes"))


def test_values_are_standardised_by_the_public_rows_alone():
    rows, usual, columns = encoded(TABLE, np.array([0, 1, 2]))
    assert rows.dtype == usual.dtype == np.float32 and rows.shape == (4, 5) and columns.width == 5
    assert rows[:3, 0].mean() == pytest.approx(0, abs=1e-6) and rows[:3, 0].std() == pytest.approx(1, abs=1e-6)
    assert rows[3, 0] == pytest.approx((200 - 40) / AGE[:3].std())
    assert rows[:, 1:4].tolist() == [[0, 0, 1], [0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert usual.tolist() == [0, 0, 0, 1, 0]


def test_a_column_without_spread_is_only_centred():
    rows, _, columns = encoded(TABLE, np.array([0, 1, 2]))
    assert rows[:, 4].tolist() == [0, 0, 0, 0] and columns.columns[2].deviation == 1


def test_rows_in_words_are_those_of_the_table():
    rows, usual, columns = encoded(TABLE, np.array([0, 1, 2]))
    assert columns.in_words(rows[3].tolist()) == "age 200; work b; same 7"
    assert columns.in_words(usual.tolist()) == "age 40; work c; same 7"
