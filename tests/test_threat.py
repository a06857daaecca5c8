"""BatchNorm statistics are side information that only two threat models grant, each its own."""

import pytest

from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import instantiate

GRANTED = {"batchnorm_running": {"running"}, "batchnorm_exact": {"batch"}, "batchnorm_inferred": {"updated"}}


@pytest.mark.parametrize("name", options.entries("threat"))
def test_only_the_threat_models_of_letter_e_grant_statistics(name: str) -> None:
    threat = instantiate(compose([f"threat={name}"]).threat, "threat")
    assert threat.statistics == GRANTED.get(name, set())
    assert (threat.letter == "E") == (name in GRANTED)


def test_one_may_grant_both_or_neither() -> None:
    for granted in (True, False):
        both = [f"threat.{word}_statistics={str(granted).lower()}" for word in ("running", "batch")]
        threat = instantiate(compose(["threat=batchnorm_exact", *both]).threat, "threat")
        assert threat.statistics == ({"running", "batch"} if granted else set())
