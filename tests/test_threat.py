"""Which grants have a meaning for which kind of data."""

from dataclasses import fields

import pytest

from bench.threat import Threat, relevant

GRANTS = {field.name: True for field in fields(Threat) if field.name != "letter"}


@pytest.mark.parametrize(
    ("things", "without"),
    [
        ("images", {"lengths", "word_embedding", "surrogate"}),
        ("sentences", {"input_range"}),
        ("signals", set()),  # a kind of data of which nothing is known is asked for everything
    ],
)
def test_a_grant_without_a_meaning_is_left_out(things: str, without: set[str]) -> None:
    found = relevant({"letter": "B", **GRANTS}, things)
    assert set(found) == {"letter", *GRANTS} - without and found["letter"] == "B"
