"""Every file of configs/labels/ builds a rule that has a figure for every batch, and each victim has its own."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from label_batches import shared
from omegaconf import DictConfig

from bench.attacks import base
from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.engine.settings import EngineSettings
from bench.labels.base import LabelRule

RULES = [name for name in options.entries("labels") if name != "joint"]
ONE = {"sign", "bias", "last_layer", "soft", "censor"}  # rules for batches of one
BATCHES = {
    "one": [[3], [0], [9]],
    "duplicates": [[3, 3, 1, 7], [0, 0, 0, 2], [9, 8, 9, 8]],
    "one class": [[4] * 6] * 2,
    "more than the classes": [[1, 2, 3] * 10, [5] * 30],
}


@cache
def node(name: str) -> DictConfig:
    """What `labels=NAME` composes; tests leave it as it is."""
    return compose(["attack=inverting_gradients", f"labels={name}", "attack.evaluations=2"]).attack


@cache  # a rule keeps nothing of what it has seen
def rule(name: str) -> LabelRule:
    built = instantiate(node(name).labels, "attack.labels")
    assert isinstance(built, LabelRule)
    return built


@pytest.mark.parametrize("name", RULES)
def test_a_rule_builds_and_needs_what_attacks_have_words_for(name: str) -> None:
    assert rule(name).needs <= set(base._NEEDS)
    assert (type(rule(name)).__doc__ or "").strip()


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", [name for name in RULES if name != "tokens"])
def test_every_batch_has_labels_and_a_victims_do_not_depend_on_the_others(name: str, batch: str) -> None:
    """The gradient is all that there is: the truth is granted to the oracle alone."""
    labels = torch.tensor(BATCHES[batch])
    if name in ONE and labels.shape[1] > 1:
        return
    seen = shared(labels, 10)
    seen = replace(seen, labels=labels) if name == "oracle" else seen
    found = rule(name)(seen, 7)
    assert found.shape == labels.shape and found.dtype == torch.int64
    assert 0 <= int(found.min()) <= int(found.max()) < 10
    for victim in range(len(labels)):
        assert torch.equal(rule(name)(seen.take(torch.tensor([victim])), 7)[0], found[victim])


@pytest.mark.parametrize("name", ["yin", "llg", "llg_whitebox", "bias_corrected", "geng", "ilrg", "rlg", "random"])
def test_an_attack_on_a_batch_uses_the_labels_of_its_rule(name: str) -> None:
    """`attack=inverting_gradients` refuses batches by its own rule, and takes them by these."""
    seen = shared([[3, 3, 1, 7], [0, 5, 0, 2]], 10)
    attack = instantiate(
        node(name), "attack", engine=EngineSettings(chunk=2, threads=1, compile=False, precision="float64")
    )
    claims = {int(i): row for piece in attack.reconstruct(seen, 0) for i, row in zip(piece.ids, piece.labels)}
    want = rule(name)(seen, 0)
    assert all(torch.equal(claims[victim], want[victim]) for victim in range(2))
