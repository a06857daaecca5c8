"""A status says how a run ended, and whether that counts as a failure."""

import pytest

from bench.messages.status import Status


@pytest.mark.parametrize("status", Status)
def test_each_status_has_its_word_its_sentence_and_its_verdict(status):
    assert status.value == status.name.lower() and Status(status.value) is status  # the word is stored
    assert status.sentence[0].islower() and not status.sentence.endswith(".") and len(status.sentence.split()) > 3
    assert status.failed == (status.value not in ("converged", "budget", "partial"))


def test_no_two_statuses_say_the_same():
    assert len({status.sentence for status in Status}) == len(Status)
