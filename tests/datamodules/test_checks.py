"""Protects: the sentences for values that no dataset accepts."""

from pathlib import Path

import pytest

from bench.datamodules.checks import check_integer, check_word, given_path
from bench.errors import UserError


@pytest.mark.parametrize(
    ("value", "words"), [(0, "must be >= 1"), (-3, "must be >= 1"), ("7", "must be an integer"), (True, "an integer")]
)
def test_integers(value: object, words: str) -> None:
    with pytest.raises(UserError, match=rf"^data\.victims={value}: .*{words}.*\(updates\)$"):
        check_integer("data.victims", value, 1, "updates")
    check_integer("data.victims", 1, 1, "updates")


def test_words_come_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"^data\.x=uniq: must be one of random, unique; did you mean 'unique'\?$"):
        check_word("data.x", "uniq", ("random", "unique"))
    with pytest.raises(UserError, match=r"one of random, unique$"):
        check_word("data.x", "zzz", ("random", "unique"))


@pytest.mark.parametrize("value", [None, "", "  ", "???"])
def test_a_path_must_be_given(value: str | None) -> None:
    with pytest.raises(UserError, match=r"^data\.root is not set; say data\.root=PATH \(a folder\)$"):
        given_path("data.root", value, "a folder")


def test_home_is_resolved() -> None:
    assert given_path("data.root", "~/x", "a folder") == Path.home() / "x"
