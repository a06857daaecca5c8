"""What every option of configs/defense/ has to keep: found by walking the folder, through a real client."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from defenses.trees import local, protected, shapes, tree
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig
from torch.utils import _pytree as pytree

from bench.config import options
from bench.config.compose import compose
from bench.defenses.base import PlainGradient
from bench.defenses.noise import Gaussian
from bench.defenses.stack import Stack
from bench.engine.rng import VictimRng
from bench.messages.observation import Observation
from bench.running.components import Components, build, defense_of

NAMES = [name for name in options.entries("defense") if name != "none"]
SMALL = ("attack=noise", "data.set=mnist", "data.batch_size=2", "model.width=3")


def whole(seen: Observation) -> torch.Tensor:
    """Everything that was shared, `[V, n]`."""
    return torch.cat([value.flatten(1) for value in seen.gradients.values()], 1)


def shared_by(seen: Observation, names: set[str]) -> torch.Tensor:
    """What was shared of the parameters of these names, `[V, n]`."""
    return torch.cat([value.flatten(1) for name, value in seen.gradients.items() if name in names], 1)


def apart(first: torch.Tensor, second: torch.Tensor) -> float:
    """The share of entries that differ by more than rounding does."""
    return float(((first - second).abs() > 1e-5 + 1e-4 * second.abs()).float().mean())


@cache
def node_of(name: str) -> Any:
    return compose([f"defense={name}"]).defense


@cache
def cell() -> DictConfig:
    return compose([*SMALL, "logger=none", "engine.threads=1", "metric=mse"])


@cache
def built_with(name: str) -> Components:
    """The parties of one cell; tests leave them as they are."""
    changed = cell().copy()
    changed.defense = node_of(name)
    return build(changed)


@pytest.fixture(scope="module")
def undefended() -> Observation:
    return built_with("none").client.share(built_with("none").data.deal([0, 3]))


@pytest.mark.parametrize("name", NAMES)
def test_a_defence_is_in_the_path_and_deterministic_and_victims_are_independent(name, undefended, monkeypatch):
    client, data = built_with(name).client, built_with(name).data
    observed = client.share(data.deal([0, 3]))
    seen = whole(observed)
    assert torch.isfinite(seen).all()
    both = set(observed.gradients) & set(undefended.gradients)
    assert (both != set(undefended.gradients) or set(observed.gradients) > both) == client.defense.changes_model
    if both:  # adapters are parameters of their own, and nothing else is shared beside them
        changed = (shared_by(observed, both) != shared_by(undefended, both)).float().mean(1)
        assert (changed > 0.01).all() or not client.defense.must_change, "nothing changed, and it must"
    assert torch.equal(whole(client.share(data.deal([0, 3]))), seen)

    # a value beside the edge of a grid or a mask may fall to the other side by rounding: a few entries, no more
    alone = torch.cat([whole(client.share(data.deal([victim]))) for victim in (0, 3)])
    assert apart(alone, seen) < 0.005
    assert client.runner.notes == [], "mapped over victims"
    monkeypatch.setattr(client.runner, "mappable", False)
    assert apart(whole(client.share(data.deal([0, 3]))), seen) < 0.005


@pytest.mark.parametrize("name", NAMES)
def test_a_row_says_what_a_defence_is_and_costs(name):
    client = built_with(name).client
    facts = json.loads(json.dumps(client.facts_of_defense(built_with(name).data.deal([0]))))
    assert facts["parts"] and [part["position"] for part in facts["parts"]] == list(range(len(facts["parts"])))
    for part in facts["parts"]:
        assert part["level"] in ("model", "label", "sample", "batch", "gradient", "update") and part["defense"]
        assert ("std" in part) == ("variance" in part)
    assert facts["seconds"] > 0 and facts["seconds_undefended"] > 0
    assert 0 < facts["bytes"] <= 4 * client.facts.parameters and "values" in facts["encoding"]
    assert (facts["epsilon"] is None) == (facts["delta"] is None) == (facts["identification"] is None)


@pytest.mark.parametrize("name", NAMES)
def test_its_own_seed_turns_all_its_random_numbers(name, monkeypatch):
    """Wherever it draws any; the models and victims stay."""
    client, data = built_with(name).client, built_with(name).data
    parts = [part for part, _ in client.defense.flat(client.runner.context)]
    drawn = client.runner.step.noise(shapes(dict(client.model.named_parameters())), 2, VictimRng((0,)))
    if not any(hasattr(part, "seed") for part in parts):
        assert not pytree.tree_leaves(drawn)
        return
    other = Stack([replace(part, seed=1) if hasattr(part, "seed") else part for part in parts])  # type: ignore[type-var]
    before = whole(client.share(data.deal([0])))
    monkeypatch.setattr(client.runner, "step", other.wrap(PlainGradient(client._gradient), client.runner.context))
    noise = bool(pytree.tree_leaves(drawn))  # int8 has a seed that rounding to the nearest does not use
    assert torch.equal(whole(client.share(data.deal([0]))), before) != noise


# what acts on more than a gradient
OF_EXAMPLES = {"ats", "instahide", "label_smoothing", "mixup", "randomised_response"}
OF_MODELS = {"precode", "lora"}
STEPS = {"soteria", "clients", "local_steps", "local_epochs", "dp_sgd", "dp_ftrl", "dcs2", "outpost", "graddefense"}
OTHERS = OF_EXAMPLES | OF_MODELS | STEPS
PARTS = [name for name in NAMES if name not in OTHERS and not name.startswith("censor")]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(PARTS), min_size=2, max_size=4), st.integers(0, 3))
def test_a_stack_is_its_parts_one_after_the_other(names, seed):
    """Whatever the order: each part is given what the one before it shared."""
    parts = [part for name in names for part, _ in defense_of(node_of(name)).flat(local())]
    stacked, _ = protected(Stack(parts), tree(), seed=seed)
    gradients = tree()
    for position, part in enumerate(parts):
        noise = part.draw(shapes(gradients), VictimRng((seed, position, getattr(part, "seed", 0))))
        gradients, _ = part.protect(gradients, noise, part.start(shapes(gradients)))
    for name, value in stacked.items():
        torch.testing.assert_close(value, gradients[name], rtol=0, atol=0, equal_nan=True)


def test_two_equal_parts_of_a_stack_draw_different_numbers():
    zeros = {"w": torch.zeros(100, 100)}
    two, _ = protected(Stack([Gaussian(1.0, None, 0), Gaussian(1.0, None, 0)]), zeros)
    # 1.41, not 2: independent; the standard error is 1.41 / sqrt(2 n)
    assert float(two["w"].std()) == pytest.approx(2**0.5, abs=0.04)


def test_none_is_no_defence_and_says_so():
    built = built_with("none")
    facts = built.client.facts_of_defense(built.data.deal([0]))
    assert facts["parts"] == [] and facts["epsilon"] is None and "seconds" not in facts
    assert facts["bytes"] == 4 * built.client.facts.parameters
