"""A record gives numbers and plain words; no class, file or place is taken from it."""

import copy
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from sentence_cells import QUICK as SENTENCES

from bench.config.compose import compose
from bench.errors import UserError
from bench.results.identity import identity, metric_identity
from bench.sharing.recomposed import recomposed

SMALL = ["attack=dlg", "data.set=mnist", "data.victims=3", "metric=mse"]


def facts(*overrides: str) -> dict[str, Any]:
    words = overrides if "data=sentences" in overrides else (*SMALL, *overrides)
    config: Any = OmegaConf.to_container(compose(list(words)))
    metrics = {key: {"identity": metric_identity(key, node)} for key, node in config["metric"].items()}
    return {"config": config, "metrics": metrics}


@pytest.mark.parametrize(
    "overrides",
    [
        ["attack.lr=0.5"],
        ["attack.step.lr=0.5"],  # the short key attack.lr has no effect then, and the record does not have it
        ["seed=7", "engine.dtype=float64", "data.batch_size=2", "attack.evaluations=20"],
        ["model.activation=tanh", "model.strides=[1,1,1]", "threat=training_details", "threat.labels=true"],
        ["defense=gaussian", "defense.std=0.1"],
        ["attack=inverting_gradients", "attack.tv=0.5"],
        ["data.labels=random"],
        list(SENTENCES),
    ],
    ids=lambda overrides: overrides[0],
)
def test_the_settings_of_a_cell_are_found_again(overrides: list[str]) -> None:
    known = facts(*overrides)
    found: Any = OmegaConf.to_container(recomposed(known, [], None))
    assert identity(found, {}) == identity(known["config"], {})
    assert found["data"]["victims"] == known["config"]["data"]["victims"]
    assert set(found["metric"]) <= set(known["metrics"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.init_range", {"_target_": "os.system", "command": "touch hacked"}),
        ("model.activation", "os:system"),
        ("model.activation", "/tmp/evil.py"),
        ("model.activation", "${oc.env:HOME}"),
        ("attack.objective", {"_target_": "subprocess.check_output", "args": "x", "cosine": ["a.b"]}),
        ("data.set", "a b"),
        ("attack.evil key=1", 3),
    ],
)
def test_what_names_a_class_a_file_or_an_expression_is_refused(key: str, value: Any) -> None:
    known = facts()
    node, name = known["config"], key.split(".", 1)
    node[name[0]][name[1]] = value
    with pytest.raises(UserError) as caught:
        recomposed(known, [], None)
    assert "\n" not in str(caught.value)


def test_another_class_in_the_record_is_not_built() -> None:
    known = facts()
    changed = copy.deepcopy(known)
    changed["config"]["attack"]["_target_"] = "os.system"
    assert recomposed(changed, [], None).attack == recomposed(known, [], None).attack


def test_what_the_user_says_counts_more_than_the_record(tmp_path: Path) -> None:
    cfg = recomposed(facts("seed=7"), ["seed=3", "trainer=cpu"], None)
    assert cfg.seed == 3 and cfg.trainer.accelerator == "cpu"


def test_scores_with_other_settings_are_not_compared() -> None:
    known = facts()
    known["metrics"]["mse"]["identity"] = "0" * 16
    with pytest.raises(UserError, match="none of its scores can be computed here"):
        recomposed(known, [], None)


@pytest.mark.parametrize("name", [None, 3, "", "(x"])
def test_a_record_without_an_option_is_refused(name: Any) -> None:
    known = facts()
    known["config"]["names"]["attack"] = name
    with pytest.raises(UserError, match="does not say which option of attack"):
        recomposed(known, [], None)
