"""The words of a report."""

import pytest

from bench.auditing.room_left import RoomLeft
from bench.auditing.sentences import headline
from tests.auditing.reports import report


@pytest.mark.parametrize(
    ("errors", "labels", "says"),
    [
        ([0.01], True, "LEAKS: 1 of 1 image was recovered from the gradient, and the labels were found."),
        ([0.01, 0.02, 0.2], False, "LEAKS: 2 of 3 images were recovered from the gradient, and 1 of 3 images was"),
        ([0.2, 0.9], False, "PARTLY: 1 of 2 images was found in part."),
        ([0.9], True, "PARTLY: no image was found, and the labels were found."),
        ([0.9], False, "NOTHING FOUND: no image was found."),
    ],
)
def test_the_headline_says_what_the_verdict_rests_on(errors: list[float], labels: bool, says: str) -> None:
    assert headline(report(errors, labels)).startswith(says)


@pytest.mark.parametrize("errors", [[0.9], [0.2], [float("nan")]])
def test_what_was_not_found_is_never_called_safe(errors: list[float]) -> None:
    words = " ".join(str(report(errors, labels=False)).split())
    assert "no proof of safety" in words and "A larger budget= tries more" in words
    assert "is safe" not in words and "does not leak" not in words


def test_a_report_has_about_ten_lines_of_one_width() -> None:
    room = RoomLeft(None, 64, 64, 3.0, 0.1, 0.95, "of the range of pixels")
    text = str(report([0.9], True, room, defense="Gaussian (std=0.1)", defense_known=True, randomness="unknown"))
    assert max(len(line) for line in text.splitlines()) <= 120
    assert 7 <= sum(not line.startswith(" ") for line in text.splitlines()) <= 10
    for words in ("at most 2%", "at most 30%", "relu (needs about 90 s", "below 0.95 of the range", "is known"):
        assert words in " ".join(text.split())
