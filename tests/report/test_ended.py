"""Every status has words for a picture."""

import pytest

from bench.messages.status import Status
from bench.report.ended import in_words


@pytest.mark.parametrize("status", list(Status))
def test_no_status_is_shown_as_it_is_stored(status: Status) -> None:
    assert "_" not in in_words(status.value) and in_words(status.value) != "budget"


def test_a_word_of_another_version_is_shown() -> None:
    assert in_words("some_word") == "some word"
