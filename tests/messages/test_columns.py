"""The columns of a table: which numbers of a row belong together, and which cells of two rows agree."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.messages.columns import TableColumn, TableColumns

COLUMNS = TableColumns(
    (TableColumn("owner", ("no", "yes")), TableColumn("age", (), 40.0, 10.0), TableColumn("work", ("a", "b", "c")))
)
numbers = st.lists(st.floats(-3, 3, width=32), min_size=6, max_size=6)


def test_places_are_in_the_order_of_the_columns():
    assert (COLUMNS.width, len(COLUMNS)) == (6, 3)
    assert COLUMNS.places == ((0, 2), (2, 3), (3, 6))
    assert COLUMNS.continuous == (2,) and COLUMNS.groups == ((0, 2), (3, 6))


@given(numbers)
def test_a_hard_row_names_the_largest_number_and_keeps_the_values(row):
    hard = COLUMNS.hard(torch.tensor(row)).tolist()
    assert hard[2] == row[2] and sorted(hard[:2]) == [0, 1] and sorted(hard[3:]) == [0, 0, 1]
    assert row[hard[:2].index(1)] == max(row[:2]) and row[3 + hard[3:].index(1)] == max(row[3:])


@given(numbers, numbers, st.floats(0.125, 2, width=32))
def test_cells_are_right_as_one_counts_them_by_hand(mine, theirs, tolerance):
    guess, truth = (COLUMNS.hard(torch.tensor(row)) for row in (mine, theirs))
    owner, work = (slice(0, 2), slice(3, 6))
    wanted = [
        guess[owner].tolist() == truth[owner].tolist(),
        bool((guess[2] - truth[2]).abs() <= tolerance),
        guess[work].tolist() == truth[work].tolist(),
    ]
    assert COLUMNS.right(guess, truth, tolerance).tolist() == wanted


def test_what_is_not_finite_is_wrong_and_leading_dimensions_are_broadcast():
    row = torch.tensor([1.0, 0, torch.nan, 1, 0, 0])
    assert COLUMNS.right(row, row, 1.0).tolist() == [True, False, True]
    rows = torch.stack([row, row.flip(0)]).nan_to_num()
    assert COLUMNS.right(rows[None], rows[:, None], 0.1).shape == (2, 2, 3)


def test_words_are_in_the_units_of_the_table():
    assert COLUMNS.in_words([0.1, 0.2, -1.5, 0.0, 5.0, 1.0]) == "owner yes; age 25; work b"
