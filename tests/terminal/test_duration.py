"""A duration is printed in the unit that a person would choose."""

import pytest

from bench.terminal.duration import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (89, "89 seconds"), (90, "2 minutes"), (5_399, "90 minutes"), (5_400, "1.5 hours")],
)
def test_the_unit_changes_at_one_and_a_half(seconds: float, words: str) -> None:
    assert duration(seconds) == words
