"""Figures as every format prints them: how many digits, which bounds, and which marks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report.table import Column, Line, Missing, Table, Value, marks, number


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


@given(st.floats(-1e300, 1e300))
def test_three_significant_digits_are_those_of_the_value(value: float) -> None:
    """What is printed is the value to within half of its third digit; large ones are whole numbers."""
    printed = float(number(value, None).replace(",", ""))
    assert abs(printed - value) <= 0.5000001 * max(10.0**-2 * abs(value), 5e-324)


@given(st.floats(-1e12, 1e12), st.integers(0, 6))
def test_so_many_digits_after_the_point(value: float, places: int) -> None:
    text = number(value, places)
    assert len(text.partition(".")[2]) == places
    assert abs(float(text.replace(",", "")) - value) <= 0.5000001 * 10.0**-places + 1e-15 * abs(value)


GROUPS = {"recovered": {"mean": 65.14, "n": 6}, "others": {"mean": 9.8, "n": 2}}


def test_bounds_are_printed_as_the_figure_is() -> None:
    assert Value(20.0, 19.04, 21.06, places=1).interval(" - ") == "19.0 - 21.1"
    assert Value(0.5, 0.25, 0.75).interval(",") == "0.250,0.750"
    assert Value(0.5, 0.25, None).interval(",") is Value(0.5, None, 0.75).interval(",") is None


def test_two_groups_have_their_medians_in_place_of_an_interval() -> None:
    """Bounds of the joint figure are never printed beside them."""
    value = Value(50.0, 1.0, 99.0, groups=GROUPS, places=1)
    assert value.interval(",") == "medians 65.1 of 6, 9.8 of 2"


def test_a_figure_over_survivors_or_of_two_groups_is_marked() -> None:
    left_out, groups = ((0, None), (3, None)), (None, {}, GROUPS)
    found = [Value(1.0, left_out=n or some, groups=group).marks for n, some in left_out for group in groups]
    assert found == ["", "", "‡", "†", "†", "†‡"]


def test_the_marks_of_a_table_are_those_that_it_shows() -> None:
    """An empty line prints its reason in place of its figures, so their marks need no explanation."""
    both, survivors = Value(1.0, left_out=1, groups=GROUPS), Value(1.0, left_out=1)

    def table(*lines: Line) -> Table:
        return Table([Column("a"), Column("b")], lines)

    assert marks(table(Line(["x", survivors]), Line([both, Missing()]))) == ["†", "‡"]
    assert marks(table(Line(["†", survivors]), Line([both, None], stopped="error", empty=True))) == ["†"]
    assert marks(table(Line(["†", Value(1.0)]))) == []
