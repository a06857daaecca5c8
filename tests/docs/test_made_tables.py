"""What the scripts that make tables share: only the named columns are kept, and only what is between marks changes."""

import doctest

import made_tables
from made_tables import END, between, read, write


def test_only_the_named_columns_are_kept(tmp_path) -> None:
    write(tmp_path / "some.csv", ["b", "a"], [{"a": "1", "b": "x, y", "c": "3"}, {"a": "2", "b": "", "c": "4"}])
    assert (tmp_path / "some.csv").read_bytes() == b'b,a\n"x, y",1\n,2\n'
    assert read(tmp_path / "some.csv") == [{"b": "x, y", "a": "1"}, {"b": "", "a": "2"}]


def test_only_what_is_between_the_marks_changes() -> None:
    page = f"head\n<!-- one -->\nold\n{END}\nmiddle\n<!-- two -->\nstays\n{END}\nfoot\n"
    made = between(page, "<!-- one -->", "new")
    assert made == page.replace("<!-- one -->\nold\n", "<!-- one -->\n\nnew\n\n")
    assert between(made, "<!-- one -->", "new") == made


def test_its_examples() -> None:
    assert doctest.testmod(made_tables).failed == 0
