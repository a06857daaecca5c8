"""Several values of a key make cells; a comma that belongs to a value separates nothing."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.config.overrides import read
from bench.config.sweep import MOST, combinations, swept_keys
from bench.errors import UserError


def cells(*overrides: str) -> list[list[str]]:
    return [one.overrides for one in combinations(list(overrides))]


def test_the_last_key_runs_fastest_and_single_values_are_in_every_cell() -> None:
    assert cells("attack=dlg,idlg", "data=samples", "seed=0,1") == [
        ["attack=dlg", "data=samples", "seed=0"],
        ["attack=dlg", "data=samples", "seed=1"],
        ["attack=idlg", "data=samples", "seed=0"],
        ["attack=idlg", "data=samples", "seed=1"],
    ]
    assert combinations(["attack=dlg,idlg", "data=samples"])[0].swept == ["attack=dlg"]
    assert swept_keys(["attack=dlg,idlg", "data=samples", "seed=0,1"]) == ["attack", "seed"]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a='x,y'", ["a='x,y'"]),
        ('a="x,y",z', ['a="x,y"', "a=z"]),
        ("a=[1,2]", ["a=[1,2]"]),
        ("a=[1, 2],[3,4]", ["a=[1,2]", "a=[3,4]"]),
        ("a={b: 1, c: 2},null", ["a={b:1,c:2}", "a=null"]),
        ("a=range(0,3)", ["a=0", "a=1", "a=2"]),
        ("a=choice(1,2)", ["a=1", "a=2"]),
        ("a=${seed},2", ["a=${seed}", "a=2"]),
        ("+a=1,2", ["+a=1", "+a=2"]),
        ("++a=1,2", ["++a=1", "++a=2"]),
        ("results=a,b", ['results="a,b"']),  # a folder is one text
        ("data.root=a,b", ['data.root="a,b"']),
    ],
)
def test_where_a_comma_separates(override: str, expected: list[str]) -> None:
    assert [texts for (texts,) in cells(override)] == expected


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["seed=0,1", "seed=2"], "seed is given more than once"),
        (["seed=interval(0,1)"], "an interval names no list of values"),
        (["seed=range(0,1e12)"], "names more than 1,000 values"),
        (["seed=range(0,inf)"], "names more than 1,000 values"),
        (["seed=range(0,nan)"], "names no list of values"),
        (["seed=range(0,3,0)"], "names no list of values"),
        (["seed=range(3,0)"], "names no value"),
        (["~seed=1,2"], "what is left out has no values"),
        (["a=range(0,40)", "b=range(0,40)"], "name 1,600 cells; 1,000 at most"),
        (["idlg,dlg"], "is not an override"),
    ],
)
def test_what_names_no_values_is_one_line(overrides: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        combinations(overrides)
    assert "\n" not in str(caught.value)


WORDS = st.text("abc,[] 'x", min_size=1, max_size=6).map(lambda text: '"' + text + '"')
VALUES = st.one_of(st.integers(-9, 9).map(str), WORDS, st.just("null"), st.lists(st.integers(0, 9)).map(str))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=2, max_size=4), min_size=1, max_size=3))
def test_every_value_arrives_unchanged(axes: list[list[str]]) -> None:
    """Whatever the values are, a cell has what its override says when it stands alone."""
    found = cells(*(f"k{i}={','.join(values)}" for i, values in enumerate(axes)))
    alone = [[read([f"k{i}={value}"])[1][0].value() for value in values] for i, values in enumerate(axes)]
    assert [[one.value() for one in read(texts)[1]] for texts in found] == list(map(list, itertools.product(*alone)))
    assert len(found) <= MOST
