"""The typed root: links between keys, knobs, and the shapes of nodes."""

import re

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationKeyError

from bench.config.compose import compose
from bench.config.composing import composed_by_hydra
from bench.config.schema import check, check_as
from bench.config.short_keys import Knobs
from bench.errors import UserError
from bench.running.suite_file import Suite


@pytest.fixture(scope="module")
def cell():
    return OmegaConf.to_container(compose([]))


def changed(cell, **changes):
    new = OmegaConf.to_container(OmegaConf.create(cell))
    for key, value in changes.items():
        OmegaConf.update(cfg := OmegaConf.create(new), key.replace("__", "."), value, force_add=True)
        new = OmegaConf.to_container(cfg, resolve=False)
    return OmegaConf.create(new)


def test_a_checked_cell_passes_unchanged_a_second_time(cell):
    # what compose resolved has lost its links, and with them the knobs; nothing else may differ
    knobs = {"lr", "history", "evaluations"}
    again = {**cell, "attack": {k: v for k, v in cell["attack"].items() if k not in knobs}}
    assert OmegaConf.to_container(check(again)) == again


def test_a_knob_needs_a_part_that_refers_to_it(cell):
    with pytest.raises(UserError, match=r"unknown key 'attack\.lr'"):
        check(cell)


@pytest.mark.parametrize(
    "group", ["attack", "data", "model", "threat", "metric", "engine", "trainer", "logger", "paths"]
)
def test_no_group_may_be_missing_or_something_else(cell, group):
    base = {**cell, "attack": {"_target_": "bench.attacks.controls.Noise", "version": 1, "control": True}}
    check(base)
    with pytest.raises(UserError, match=f"{group} is missing"):
        check({key: value for key, value in base.items() if key != group})
    for wrong in (None, 3, [1], "text"):
        with pytest.raises(UserError, match=rf"^{group}="):
            check({**base, group: wrong})


def test_a_part_of_the_wrong_class_is_refused():
    with pytest.raises(UserError, match=r"attack\.direction=\{\.\.\.\}: want a bench\.engine\.directions\.Direction"):
        compose(["attack.direction._target_=bench.engine.steps.Fixed"])


def test_a_dataclass_is_filled_and_its_faults_name_the_file():
    assert check_as(Suite, {"grid": [["attack=dlg"]]}, "x.yaml") == Suite([["attack=dlg"]], [])
    for wrong, sentence in [
        ({"grids": []}, "x.yaml: unknown key 'grids'; did you mean 'grid'"),
        ({"grid": "attack=dlg"}, "x.yaml: grid='attack=dlg': want a list"),
        ([1], "x.yaml: want a mapping with the keys grid, overrides"),
    ]:
        with pytest.raises(UserError, match=sentence):
            check_as(Suite, wrong, "x.yaml")


OWN = [
    *("attack=dlg", "attack=noise", "model=lenet", "model=bert_tiny", "data=samples", "defense=gaussian"),
    *("threat=basic", "metric=image", "engine=default", "trainer=default", "executor=local", "logger=wandb"),
    *("report=default", "training=held_out"),
]
READ = {  # what the program itself reads of a node, and takes where the node does not say it
    "attack": {"version": 1, "control": False},
    "model": {
        "version": 1,
        "per_victim": True,
        "loss": "cross_entropy",
        "checkpoint": None,
        "mode": "eval",
        "shared": None,
    },
}


def written(override):
    """A cell as its files have it, interpolations and all."""
    cfg = composed_by_hydra([override], None)
    plain = OmegaConf.create({key: cfg._get_node(key) for key in cfg if key != "hydra"})
    plain.names = {**dict.fromkeys(("attack", "data", "model", "defense", "threat"), "x"), "training": None}
    return OmegaConf.to_container(plain, resolve=False)


@pytest.mark.parametrize("override", OWN)
def test_a_node_of_ones_own_lacks_nothing_or_is_told_what(override):
    group = override.partition("=")[0]
    cell = written(override)
    defaults = READ.get(group, {})
    if override == "model=bert_tiny":
        defaults = {**defaults, "loss": "bench.models.text.token_loss:cross_entropy"}
    for key in cell[group]:
        rest = {name: item for name, item in cell[group].items() if name != key}
        if key in defaults or key == "version" or group == "metric":
            assert check({**cell, group: rest}, Knobs())[group].get(key) == defaults.get(key)
            continue
        with pytest.raises((UserError, InterpolationKeyError)) as caught:  # of the latter `compose` makes a line
            check({**cell, group: rest}, Knobs())
        assert re.search(rf"{group}\.|'{key}'|want a mapping with _target_", str(caught.value))


def test_facts_that_are_said_are_kept():
    assert check(written("model=minilm")).model.per_victim is False
    assert check(written("attack=noise")).attack.control is True


@pytest.mark.parametrize("key", ["report.images", "seed", "data.victims", "attack.evaluations", "model.width"])
@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30, 10**400], ids=["2^63", "-2^63-1", "1e30", "1e400"])
def test_a_whole_number_beyond_64_bits_is_one_line(cell, key, value):
    """torch and parquet would overflow in the middle of the work, at the first victim that is stored."""
    with pytest.raises(UserError, match=rf"{key}=.*want a whole number of at most 64 bits") as caught:
        check(OmegaConf.create(changed(cell, **{key.replace(".", "__"): value})))
    assert len(str(caught.value)) < 1000 and "\n" not in str(caught.value)


def test_the_largest_number_of_64_bits_passes():
    assert compose([f"seed={2**63 - 1}"]).seed == 2**63 - 1
