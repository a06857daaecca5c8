"""The division is found by comparing a record with the options of this machine, and nothing is guessed."""

import copy
from typing import Any

import pytest
from omegaconf import OmegaConf

from bench.config.compose import compose
from bench.report.division import CLOSED, OPEN, UNKNOWN, Division, division
from bench.results import document as documents
from bench.running import suite
from bench.storage.portable import portable

SHIPPED = ["attack=idlg", "data=samples", "data.set=mnist"]


def record_of(*overrides: str) -> dict[str, Any]:
    """The config as a cell's record holds it."""
    found: Any = documents.plain(portable(OmegaConf.to_container(compose(list(overrides)))))
    return found


def division_of(*overrides: str) -> Division:
    return division({"config": record_of(*overrides)}, range(3))


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    return record_of(*SHIPPED)


@pytest.mark.parametrize("name", ["quick", pytest.param("text", marks=pytest.mark.slow)])
def test_every_attack_of_a_shipped_suite_is_closed(name: str) -> None:
    records = [portable(OmegaConf.to_container(cell.config)) for cell in suite.plan(name, [], to_run=False)]
    found = {division({"config": documents.plain(one)}, []).sentence for one in records}
    assert found == {CLOSED}


@pytest.mark.parametrize(
    "task",
    [
        ["seed=3"],
        ["data.victims=2", "data.batch_size=2"],
        ["defense=gaussian", "defense.std=0.5"],
        ["engine.chunk=1", "engine.threads=1"],
        ["scale=small"],
        ["threat=labels_known"],
        ["metric=mse", "logger=none"],
    ],
)
def test_which_task_was_attacked_is_free(task: list[str]) -> None:
    assert division_of("attack=dlg", "data=samples", *task) == Division(CLOSED)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("attack.lr=0.5", "attack.lr is 0.5, as shipped 1.0"),
        ("attack.evaluations=5", "attack.evaluations is 5, as shipped 800"),
        ("attack.start=normal", "attack.start is normal, as shipped gray"),
        ("attack.box=true", "attack.box is true, as shipped false"),
        ("attack.objective._target_=bench.objectives.cosine.Cosine", "attack.objective is "),
        ("data.labels=random", "data.labels is random, as shipped own"),
        ("model.activation=tanh", "model.activation is tanh, as shipped sigmoid"),
        ("threat.labels=true", "threat.labels is true, as shipped false"),
        ("engine.dtype=float64", "engine.dtype is float64, as shipped float32"),
    ],
)
def test_another_setting_is_open_and_is_named(shipped: dict[str, Any], change: str, reason: str) -> None:
    config = copy.deepcopy(shipped)
    key, _, value = change.partition("=")
    *above, last = key.split(".")
    node = config
    for name in above:
        node = node[name]
    assert last in node
    node[last] = OmegaConf.create(f"v: {value}").v
    found = division({"config": config}, range(3))
    assert found.word == OPEN and found.reason.startswith(reason)


def test_an_attack_of_ones_own_is_open(shipped: dict[str, Any]) -> None:
    config = copy.deepcopy(shipped)
    config["names"]["attack"] = "stronger"
    config["attack"] = {"_target_": "their_lab.attacks.Stronger", "version": 1}
    found = division({"config": config}, range(3))
    assert found == Division(OPEN, "attack is their_lab.attacks.Stronger, which is no class of leakbench")


def test_data_of_ones_own_are_open(tmp_path) -> None:
    assert division_of("data=folder", f"data.root={tmp_path}").sentence == "open: its data are of its own (data=folder)"


def unnamed(config: dict[str, Any]) -> None:
    del config["names"]


def newer_option(config: dict[str, Any]) -> None:
    config["names"]["attack"] = "idlg_of_next_year"


def newer_version(config: dict[str, Any]) -> None:
    config["attack"]["version"] = 99


def newer_setting(config: dict[str, Any]) -> None:
    config["attack"]["momentum"] = 0.5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unnamed, "its record does not name the option of attack"),
        (newer_option, "has no attack 'idlg_of_next_year'"),
        (newer_version, "attack has version 99 in its record and version 3 on this machine"),
        (newer_setting, "attack.momentum is a setting of another version of leakbench"),
    ],
)
def test_what_this_machine_cannot_compare_is_not_known(shipped: dict[str, Any], change: Any, reason: str) -> None:
    config = copy.deepcopy(shipped)
    change(config)
    found = division({"config": config}, range(3))
    assert found.word == UNKNOWN and reason in found.reason


def test_victims_that_were_picked_are_not_known_to_be_closed(shipped: dict[str, Any]) -> None:
    assert division({"config": shipped}, [2, 0, 1]) == Division(CLOSED)
    assert division({"config": shipped}, [0, 2]) == Division(UNKNOWN, "some of its first victims are not stored")


def test_the_places_of_another_machine_do_not_matter(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LEAKBENCH_CACHE", str(tmp_path / "elsewhere"))
    assert division_of("attack=lamp_gpt2", "data=sentences", "threat=surrogate").word == CLOSED
    assert division_of("attack=dlg", "data=mnist").word == CLOSED
