"""What an attacker computes for other batches is what a client would share of them, with random numbers of its own."""

from dataclasses import replace

import pytest
import torch
from public_observations import observe_public

from bench.defenses.known_update import granted_images
from bench.defenses.noise import Gaussian
from bench.threat import PublicImagesThreat, Threat

SMALL = ("data.set=mnist", "data.size=8", "data.victims=4", "model.width=3", "model.per_victim=false", "attack=noise")
GRANTS = {"buffers": True, "batch_size": True, "input_range": True, "classes": True, "labels": False}
GRANTS |= {"defense_known": True, "local_training": True, "lengths": True, "word_embedding": True, "surrogate": False}


def update_of(built, victims, seed: int = 0) -> dict[str, torch.Tensor]:
    """What the attacker computes for the victims' own batches, as if these were public."""
    seen = built.client.share(victims)
    weights, buffers = ({n: v[0] for n, v in tree.items()} for tree in (seen.parameters, seen.buffers))
    return seen.public.update(weights, buffers, victims.inputs, victims.labels, victims.ids, seed)


@pytest.mark.parametrize(
    "defense",
    [
        ("defense=none",),
        ("defense=sign",),
        ("defense=int8",),
        ("defense=pruning", "defense.fraction=0.7"),
        ("defense=soteria",),
        ("defense=local_steps", "data.batch_size=2"),
        ("defense=clients", "data.batch_size=2"),
    ],
    ids=lambda words: words[0],
)
def test_without_chance_it_is_what_the_client_shares(parties, defense: tuple[str, ...]) -> None:
    """Float64: batches that are mapped together differ from single ones by rounding only, 1e-12 of a gradient."""
    built = parties(*SMALL, "threat=public_images", "engine.dtype=float64", *defense)
    victims = built.data.deal(range(4))
    victims = replace(victims, inputs=victims.inputs.double())
    for name, value in update_of(built, victims).items():
        torch.testing.assert_close(value, built.client.share(victims).gradients[name], rtol=1e-9, atol=1e-12)


def test_the_noise_is_of_the_same_size_and_another_one(parties) -> None:
    """With the seed of the run and the numbers of the victims, which an attacker knows, it is still not the client's.
    The difference of two independent draws has a deviation of sqrt(2); 2,656 numbers give it within 5 %, which is
    3.6 standard errors."""
    built = parties(*SMALL, "threat=public_images", "defense=gaussian", "defense.std=1.0")
    victims = built.data.deal(range(4))
    shared = built.client.share(victims).gradients
    for seed in (built.client.seed, 1):
        ours = update_of(built, victims, seed)
        apart = torch.cat([(ours[name] - value).flatten() for name, value in shared.items()])
        assert len(apart) == 2656 and float(apart.std()) == pytest.approx(2**0.5, rel=0.05)
    again, other = update_of(built, victims), update_of(built, victims, 1)
    assert all(torch.equal(value, update_of(built, victims)[name]) for name, value in again.items())
    assert not any(torch.equal(value, other[name]) for name, value in again.items())


def test_a_batch_has_the_noise_of_its_number() -> None:
    seen, images, labels = observe_public(Gaussian(1.0, None, 0))
    assert seen.public is not None and seen.public.update is not None
    weights = {name: value[0] for name, value in seen.parameters.items()}
    whole = seen.public.update(weights, {}, images, labels, torch.arange(8), 0)
    part = seen.public.update(weights, {}, images[5:], labels[5:], torch.arange(5, 8), 0)
    for name, value in part.items():
        torch.testing.assert_close(value, whole[name][5:], rtol=1e-9, atol=1e-12)


def test_what_is_not_granted_is_absent() -> None:
    seen, *_ = observe_public()
    assert seen.public is not None
    found, step = (seen.public.images, seen.public.labels), seen.public.update
    whole = granted_images(found, PublicImagesThreat("D", **GRANTS, public_images=5), step)
    assert whole is not None and whole.update is step and torch.equal(whole.images, found[0])
    for lacking in ("defense_known", "local_training"):
        threat = PublicImagesThreat("D", **{**GRANTS, lacking: False}, public_images=5)
        granted = granted_images(found, threat, step)
        assert granted is not None and granted.update is None
    assert granted_images(None, PublicImagesThreat("D", **GRANTS, public_images=5), step) is None
    assert granted_images(found, PublicImagesThreat("D", **GRANTS, public_images=0), step) is None
    assert granted_images(found, Threat("B", **GRANTS), step) is None


def test_a_client_grants_them_under_this_threat_model_alone(parties) -> None:
    for threat, granted in (("public_images", 10), ("adaptive", None), ("training_details", None), ("surrogate", None)):
        built = parties(*SMALL, f"threat={threat}")
        seen = built.client.share(built.data.deal([0, 1]))
        assert (None if seen.public is None else len(seen.public)) == granted
