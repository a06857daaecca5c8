"""Protects: a cell of an attack and one of a label rule on the same victims say the same of them."""

from pathlib import Path

import pytest

from bench.config.compose import compose
from bench.running.cell import cell_of
from bench.running.victim_cell import VictimCell

QUICK = ["data=samples", "data.set=mnist", "data.victims=2", "metric=mse", "logger=none", "engine.threads=1"]


@pytest.fixture
def pair(tmp_path: Path) -> list[VictimCell]:
    own = [*QUICK, f"results={tmp_path}", "defense=gaussian", "model.activation=tanh"]
    return [cell_of(compose([*own, *words])) for words in (["attack=noise"], ["measure=labels", "labels=yin"])]  # type: ignore[misc]


def test_the_facts_of_the_victims_are_the_same(pair: list[VictimCell]) -> None:
    attack, rule = (cell.identify() for cell in pair)
    for key in ("threat", "data"):
        assert attack.facts[key] == rule.facts[key], key
    names = [dict(known.facts["labels"]) for known in (attack, rule)]
    assert [each.pop("attack") for each in names] == ["noise", "yin"]
    assert names[0] == names[1] == {
        "data": "samples-mnist", "model": "lenet (activation=tanh)", "defense": "gaussian", "threat": "basic",
    }  # fmt: skip
    assert (attack.slug, rule.slug) == (
        "noise-samples-mnist-lenet (activation=tanh)",
        "yin-samples-mnist-lenet (activation=tanh)",
    )
    assert attack.identity != rule.identity


def test_one_process_speaks_and_meets_nobody(pair: list[VictimCell]) -> None:
    for cell in pair:
        cell.build()
        assert cell.speaks and not cell.meets
