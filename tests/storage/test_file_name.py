"""A name of any words is one that file systems and shells take, and two long ones are not confused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.storage.file_name import file_name


@given(st.text(max_size=20) | st.text(st.sampled_from("aZ0._-/ *é\n\ud800"), max_size=200))
def test_any_words_become_a_plain_name(words: str) -> None:
    """It is no hidden file, no option of a command, no path, and leaves room for an identity and an ending."""
    name = file_name(words, "cell")
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) and len(name) <= 80
    assert file_name(name, "cell") == name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("idlg on cifar/10", "idlg-on-cifar-10"),
        ("../../etc", "etc"),
        ("-rf *", "rf"),
        (".hidden", "hidden"),
        ("a_b.c-d", "a_b.c-d"),
        ("...", "cell"),
        ("", "cell"),
        ("é中", "cell"),
        ("x" * 80, "x" * 80),
    ],
)
def test_known_names(words: str, name: str) -> None:
    assert file_name(words, "cell") == name


def test_long_names_with_one_beginning_stay_apart() -> None:
    """They are cut to the same 71 signs, so a hash of all the words follows, half of a surrogate pair included."""
    one, other = file_name("x" * 100, "cell"), file_name("x" * 99 + "y", "cell")
    assert one != other and one[:72] == other[:72] == "x" * 71 + "-" and len(one) == len(other) == 80
    assert file_name("x" * 100 + "\ud800", "cell") != one
