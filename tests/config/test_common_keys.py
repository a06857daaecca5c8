"""The keys that every option of a group has, as composing each option finds them."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from bench.config import options
from bench.config.common_keys import common_keys
from bench.config.compose import compose
from bench.errors import UserError


@pytest.mark.parametrize("group", ["threat", "training"])
def test_they_are_what_all_composed_options_share(group: str) -> None:
    nodes = [
        OmegaConf.to_container(compose([f"{group}={name}"], to_run=False)[group]) for name in options.entries(group)
    ]
    shared = set.intersection(*(set(node) for node in nodes if isinstance(node, dict)))
    assert common_keys(group) == {f"{group}.{key}" for key in shared if not str(key).startswith("_")}


def test_sets_share_how_victims_are_dealt_and_attacks_have_little_in_common() -> None:
    assert {"data.batch_size", "data.victims", "data.seed"} < common_keys("data")
    assert "data.set" not in common_keys("data") and "attack.evaluations" not in common_keys("attack")
    assert common_keys("no_such_group") == frozenset()


def test_an_option_of_the_users_own_counts(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("# mine\nvictims: 3\n", encoding="utf-8")
    assert common_keys("data", tmp_path) == {"data.victims"}
    (tmp_path / "data" / "broken.yaml").write_text("victims: [", encoding="utf-8")
    assert common_keys("data", tmp_path) == {"data.victims"}


def test_an_option_that_starts_from_one_of_ours_or_of_the_users_own_has_its_keys(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, text in {"mine": "defaults: [mnist, _self_]", "other": "defaults: [/data/mine]", "none": "x"}.items():
        (tmp_path / "data" / f"{name}.yaml").write_text(f"# {name}\n{text}\n", encoding="utf-8")
    assert common_keys("data", tmp_path) == common_keys("data")


def test_a_file_that_starts_from_itself_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("defaults: [mine]\n", encoding="utf-8")
    with pytest.raises(UserError, match="mine"):
        common_keys("data", tmp_path)
