"""Every attack that reads public images keeps the contract of attacks, and serves every defence of configs/."""

import functools
from typing import Any

import pytest
import torch

from bench.attacks.base import Attack
from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.engine.settings import EngineSettings
from bench.messages.observation import Observation
from bench.running.components import Components, build, client_of, instantiate_engine, read_contents

ENGINE = EngineSettings(chunk=2, threads=1, compile=False, precision="float32")
NEEDED = {"public_images", "known_update"}
# real digits that are quick to learn from: ten are public, and ten are left for victims
SMALL = ["data.set=mnist", "data.size=8", "data.victims=10", "model.width=3", "model.per_victim=false"]
SMALL += ["logger=none", "engine.threads=1", "metric=mse"]
OF_BATCHES = {"mixup", "instahide"}  # they mix the images of a batch, and these attacks are for batches of one
# what a defence needs to be used at all
SETTINGS: dict[str, list[str]] = {"stack": ["defense.parts=[clip,sign]"], "clients": ["defense.clients=1"]}


@functools.cache
def built(name: str) -> Attack:
    return instantiate(compose([f"attack={name}"]).attack, "attack", engine=ENGINE)


def reads_public_images(name: str) -> bool:
    return not name.startswith("_") and bool(NEEDED & built(name).needs)


ATTACKS = [name for name in options.entries("attack") if reads_public_images(name)]


def parties(*overrides: str, threat: str = "public_images") -> Components:
    return build(compose([*SMALL, f"threat={threat}", *overrides]))


def claimed(attack: Attack, seen: Observation) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    """What is claimed of each victim: its image and its label."""
    found = [one for guess in attack.reconstruct(seen, 0) for one in guess.each()]
    return {int(one.ids): (one.inputs, one.labels) for one in found}


def same(ours: Any, theirs: Any) -> bool:
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_there_are_two() -> None:
    assert ATTACKS == ["learning_to_invert", "retrieval"]


@pytest.mark.parametrize("name", ATTACKS)
def test_it_runs_with_the_truth_deleted(name: str) -> None:
    """The victims are overwritten in place between share and reconstruct; whoever kept a reference would see it."""
    cell = parties(f"attack={name}")
    victims = cell.data.deal(range(3))
    seen = cell.client.share(victims)
    for truth in (victims.inputs, victims.labels, victims.samples):
        truth.zero_()
    intact = cell.client.share(cell.data.deal(range(3)))
    ours, theirs = claimed(cell.attack, seen), claimed(parties(f"attack={name}").attack, intact)
    assert all(same(ours[victim], theirs[victim]) for victim in range(3))


@pytest.mark.parametrize("name", ATTACKS)
def test_victims_at_once_equal_one_by_one_in_any_order(name: str) -> None:
    cell = parties(f"attack={name}")
    together = claimed(cell.attack, cell.client.share(cell.data.deal(range(4))))
    for victim in (3, 1):
        other = parties(f"attack={name}", "data.victims=4")  # a cell of its own, asked for fewer victims
        alone = claimed(other.attack, other.client.share(other.data.deal([victim])))
        assert same(alone[victim], together[victim])


@pytest.mark.parametrize("threat", options.entries("threat"))
def test_no_public_image_is_a_victims_and_without_the_grant_there_are_none(threat: str) -> None:
    cfg = compose([*SMALL, f"threat={threat}"])
    contents = read_contents(cfg)
    victims = contents.data.deal(range(10))
    public = client_of(cfg, contents, instantiate_engine(cfg.engine)).share(victims).public
    assert (public is not None) == (threat == "public_images")
    if public is not None:
        assert len(public) == 10
        assert not (public.images[:, None] == victims.inputs[None, :, 0]).flatten(2).all(2).any()


@pytest.mark.parametrize("defense", [name for name in options.entries("defense") if name not in OF_BATCHES])
def test_every_defence_is_served(defense: str) -> None:
    """What is learned from is made by the defence itself, so there is none that the attack does not fit."""
    cell = parties("attack=learning_to_invert", "attack.epochs=2", f"defense={defense}", *SETTINGS.get(defense, []))
    found = claimed(cell.attack, cell.client.share(cell.data.deal(range(2))))
    assert all(image.isfinite().all() for image, _ in found.values()) and sorted(found) == [0, 1]
