"""Statistics of BatchNorm, and images of the victims' kind, are granted by threat models of their own only."""

import pytest

from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.errors import UserError

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


@pytest.mark.parametrize("name", options.entries("threat"))
def test_only_a_threat_model_of_letter_d_grants_public_images(name: str) -> None:
    threat = instantiate(compose([f"threat={name}"]).threat, "threat")
    assert threat.most_public_images == (5500 if name == "public_images" else 0)
    assert not threat.most_public_images or (threat.letter == "D" and threat.defense_known and threat.local_training)


def test_a_negative_number_of_public_images_is_refused_in_a_line() -> None:
    with pytest.raises(UserError, match=r"public_images=-1: must be >= 0"):
        instantiate(compose(["threat=public_images", "threat.public_images=-1"]).threat, "threat")
