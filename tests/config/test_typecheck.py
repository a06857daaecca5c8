"""Values against type hints: what is taken, what it becomes, and that each refusal says what is wanted."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.typecheck import MismatchError, fit

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


def no_node(hint, node):
    raise AssertionError("no node here")


@pytest.mark.parametrize(
    ("value", "hint", "becomes"),
    [
        (1, float, 1.0),
        (1, int | float, 1),
        (1, float | None, 1.0),
        (None, float | None, None),
        ([1, 2], tuple[float, float], [1.0, 2.0]),
        ([1, 2, 3], Sequence[int], [1, 2, 3]),
        ({"a": 1}, Mapping[str, float], {"a": 1.0}),
        ("best", Literal["best", "last"], "best"),
        ({"deep": [{"x": None}]}, Any, {"deep": [{"x": None}]}),
    ],
)
def test_what_fits_becomes_what_the_hint_says(value, hint, becomes):
    fitted = fit(value, hint, no_node)
    assert fitted == becomes
    assert type(fitted) is type(becomes)


@pytest.mark.parametrize(
    ("value", "hint", "wanted"),
    [
        ("abc", float, "want a number"),
        (True, int, "want a whole number"),
        (True, float, "want a number"),
        (1.0, int, "want a whole number"),
        (1, bool, "want true or false"),
        (3, str, "want text"),
        (None, int, "want a whole number"),
        ("1", int | None, "want a whole number or null"),
        ([1], tuple[int, int], "want a list of 2"),
        ("ab", Sequence[str], "want a list"),
        ("lest", Literal["best", "last"], "did you mean"),
        (1, Literal[True], "want"),
        ([1, "x"], list[int], "want a whole number"),
    ],
)
def test_what_does_not_fit_says_what_is_wanted(value, hint, wanted):
    with pytest.raises(MismatchError, match=wanted):
        fit(value, hint, no_node)


@given(SCALARS)
def test_every_plain_value_fits_exactly_its_own_type(value):
    """The independent statement: isinstance, booleans apart from numbers, whole numbers taken as numbers."""
    for hint in (bool, int, float, str, type(None)):
        expected = type(value) is hint or (hint is float and type(value) is int)
        if expected:
            wanted = float(value) if hint is float else value  # a whole number above 2^53 is rounded
            assert fit(value, hint, no_node) == wanted
        else:
            with pytest.raises(MismatchError):
                fit(value, hint, no_node)
