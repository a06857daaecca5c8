"""Victims are counted once each, and a share has Wilson's interval or none."""

import pytest

from bench.results.intervals import wilson
from bench.results.victim_shares import counts, share


def test_failures_and_reused_victims_are_counted_among_all() -> None:
    ended = [("converged", 0), ("nonfinite", 2), ("budget", 1)]
    rows = [{"status": status, "repeats": repeats} for status, repeats in ended]
    assert counts(rows) == {"victims": 3, "failures": 1, "reused": 2}
    assert counts([]) == {"victims": 0, "failures": 0, "reused": 0}


def test_a_share_of_nobody_is_none() -> None:
    found = share([1.0, 0.0, 1.0, 1.0])
    assert found is not None and found["mean"] == 0.75 and (found["low"], found["high"]) == pytest.approx(wilson(3, 4))
    assert share([]) is None
