"""A result must never be taken for one of other numbers, nor be computed again because a path or a speed changed."""

import copy
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results import identity as identities
from bench.results.identity import identity, metric_identity, node_identity, training_identity

CONFIG: dict[str, Any] = {
    "seed": 0,
    "data": {
        "_target_": "bench.datamodules.folder.Folder",
        "root": "a",
        "victims": 16,
        "batch_size": 1,
        "labels": "own",
    },
    "attack": {"_target_": "bench.attacks.idlg.IDLG", "version": 1, "step": {"lr": 1.0, "rule": "wolfe"}},
    "metric": {"lpips_vgg": {"weights": "w", "size": 64}},
    "engine": {"dtype": "float32", "compile": True, "threads": 8},
    "trainer": {"devices": 1},
    "results": "results",
    "logger": None,
    "paths": {"data": "d", "weights": "w"},
    "report": {"images": 8},
}
CANNOT = ["results", "paths.data", "logger", "trainer.devices", "report.images", "data.victims", "data.root"]
CANNOT += ["engine.compile", "engine.threads", "metric.lpips_vgg.weights", "metric.lpips_vgg.size"]
CAN = ["seed", "data.batch_size", "data.labels", "attack.version", "attack.step.lr", "attack.step.rule"]
CAN += ["engine.dtype", "attack._target_"]
KEYS = st.text("abcdefgh_", min_size=1, max_size=6)
NUMBERS = st.integers(-(10**9), 10**9) | st.floats(allow_nan=False)
TREES = st.recursive(
    NUMBERS | st.booleans() | st.none() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def changed(path: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    *parents, last = path.split(".")
    place = config
    for key in parents:
        place = place[key]
    assert last in place
    place[last] = value
    return config


@pytest.mark.parametrize("path", CANNOT)
def test_what_cannot_change_a_number_is_left_out(path: str) -> None:
    assert identity(changed(path, "another"), {}) == identity(CONFIG, {})


@pytest.mark.parametrize("path", CAN)
def test_what_can_change_a_number_is_in(path: str) -> None:
    assert identity(changed(path, "another"), {}) != identity(CONFIG, {})


def test_content_hashes_are_in() -> None:
    assert len({identity(CONFIG, {}), identity(CONFIG, {"data": "a"}), identity(CONFIG, {"data": "b"})}) == 3


def test_form() -> None:
    found = identity(CONFIG, {})
    assert len(found) == 16
    assert int(found, 16) >= 0


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(KEYS, TREES, max_size=4))
def test_order_of_keys_does_not_matter(attack: dict[str, Any]) -> None:
    assert identity({"attack": attack, "seed": 0}, {}) == identity({"seed": 0, "attack": shuffled(attack)}, {})


@given(st.dictionaries(KEYS, TREES, max_size=4), KEYS, NUMBERS, NUMBERS)
def test_any_number_anywhere_matters(attack: dict[str, Any], key: str, one: float, other: float) -> None:
    first, second = ({"attack": {"part": {**attack, key: value}}} for value in (one, other))
    assert (identity(first, {}) == identity(second, {})) == (one == other)


def test_a_number_is_the_same_in_every_spelling() -> None:
    assert identity({"lr": 1}, {}) == identity({"lr": 1.0}, {})
    assert identity({"lr": 1e-2}, {}) == identity({"lr": 0.01}, {})


def test_kinds_are_told_apart() -> None:
    values = [1, "1", True, None, "null", [1], {"1": 1}, math.inf, -math.inf, math.nan, "inf", 0]
    assert len({identity({"x": value}, {}) for value in values}) == len(values)


def test_an_object_in_the_config_is_refused() -> None:
    with pytest.raises(TypeError, match="plain values only, got object"):
        identity({"x": object()}, {})


@pytest.mark.parametrize("key", ["weights", "root", "block", "chunk", "victims"])
def test_a_setting_is_not_left_out_for_its_name(key):
    """An option of one's own may call a setting as we call a folder or a count."""
    for group in ("attack", "model", "data", "defense"):
        nodes = [{group: {"mine": {key: [value]}}} for value in (0.1, 0.9)]
        assert identity(nodes[0], {}) != identity(nodes[1], {}), group
    assert metric_identity("mine", {key: [0.1]}) != metric_identity("mine", {key: [0.9]})
    at_model = [identity({"model": {"weights": value}}, {"pretrained": {"model.weights": "a"}}) for value in (0.1, 0.9)]
    assert at_model[0] != at_model[1]


PLACED = {
    "model.checkpoint": {"checkpoint": "0a"},
    "model.weights": {"pretrained": {"model.weights": "0a"}},
    "model.source": {"pretrained": {"model.source": "0a"}},
    "attack.language_model.source": {"pretrained": {"attack.language_model.source": "0a"}},
}


@pytest.mark.parametrize("key", PLACED)
def test_a_folder_counts_by_what_it_holds_and_not_by_where_it_lies(key):
    def at(place, content):
        *above, last = key.split(".")
        node = {last: place}
        for name in reversed(above):
            node = {name: node}
        extra = {group: content if group == "checkpoint" else {key: content} for group in PLACED[key]}
        return identity(node, extra)

    assert at("/home/jo/x.pt", "0a") == at("/mnt/other/y.pt", "0a") != at("/home/jo/x.pt", "0b")


def test_a_name_on_a_hub_counts_beside_its_content():
    extra = {"pretrained": {"model.source": "0a"}}
    assert identity({"model": {"source": "gpt2"}}, extra) != identity({"model": {"source": "ai/gpt2"}}, extra)


LPIPS = {"_target_": "bench.metrics.lpips.LearnedPerceptualSimilarity", "net": "vgg", "size": 64, "weights": "w"}


def test_a_metric_is_its_class_its_version_and_its_arguments_without_places():
    own = metric_identity("lpips_vgg", LPIPS)
    assert len(own) == 16 and int(own, 16) >= 0
    assert own == metric_identity("lpips_vgg", {**LPIPS, "weights": "/elsewhere", "version": 1, "size": 64.0})
    others = [{"size": 32}, {"net": "alex"}, {"version": 2}, {"_target_": "bench.metrics.lpips.Other"}, {"more": None}]
    assert len({own, *(metric_identity("lpips_vgg", {**LPIPS, **change}) for change in others)}) == len(others) + 1
    # Under another key, `weights` is a setting like any other.
    assert metric_identity("mine", LPIPS) != metric_identity("mine", {**LPIPS, "weights": "/elsewhere"})


def test_a_file_of_ours_may_move_and_one_of_the_users_is_another_class():
    def at(path: str) -> list[str]:
        node = {"_target_": path, "parts": [{"_target_": path}]}
        config = {"seed": 0, "data": {}, "engine": {"tf32": False}, "training": {"runs": 1}, "model": node}
        return [identity(config, {}), training_identity(config, {}), node_identity("model", node)]

    assert at("bench.models.lenet.LeNet") == at("bench.models.images.lenet.LeNet")
    for other in ("bench.models.lenet.LeNet5", "mine.lenet.LeNet", "benchmark.models.lenet.LeNet"):
        assert not set(at("bench.models.lenet.LeNet")) & set(at(other)), other
    assert identity({"model": {"target": "mine.a:Net"}}, {}) != identity({"model": {"target": "mine.b:Net"}}, {})


def test_a_function_of_ours_may_move_and_is_not_the_one_of_torch():
    losses = ["bench.models.text.token_loss:cross_entropy", "bench.models.losses:cross_entropy", "cross_entropy"]
    moved, elsewhere, torchs = (identity({"model": {"loss": loss}}, {}) for loss in losses)
    assert moved == elsewhere != torchs


def test_a_renamed_class_keeps_the_identity_that_its_published_name_had(monkeypatch):
    published = identity({"attack": {"_target_": "bench.attacks.idlg.IDLG"}}, {})
    monkeypatch.setitem(identities.RENAMED, "ImprovedDLG", "IDLG")
    assert identity({"attack": {"_target_": "bench.attacks.improved.ImprovedDLG"}}, {}) == published
