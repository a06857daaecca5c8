"""A line of a comparison in words."""

from bench.auditing.defended import Defended


def test_a_line_says_what_was_found() -> None:
    line = Defended("pruning", "Pruning (fraction=0.7)", "", "PARTLY", 1, 2, 4, 0.125)
    assert line.sentence == "pruning: PARTLY (1 recovered, 2 partly, of 4, the least error 0.12 of its control's)"


def test_without_a_reconstruction_there_is_no_least_error() -> None:
    assert Defended("a", "A", "", "NOTHING FOUND", count=1).sentence == "a: NOTHING FOUND (0 recovered, 0 partly, of 1)"


def test_what_cannot_be_used_says_why() -> None:
    assert Defended("a", "", "", "NOT AUDITED", reason="needs b").sentence == "a cannot be used here (needs b)"
