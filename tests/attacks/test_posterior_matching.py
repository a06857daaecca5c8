"""The most probable images: no direction lowers their score, and noise decides how much the prior counts."""

from dataclasses import replace

import pytest
import torch
from attacks.test_gradient_matching import run
from observations import net, observe
from torch.func import jacrev

from bench.attacks.likelihood import Likelihood
from bench.errors import NotApplicable
from bench.messages.flat import flat

SMALL = ("attack=posterior", "data.set=mnist", "data.size=6", "model.width=8", "engine.compile=false", "engine.chunk=2")
NOISE = ("threat=adaptive", "defense=gaussian", "engine.dtype=float64")


def test_it_minimises_the_score_of_claims(parties) -> None:
    """At the end no direction of the image lowers -log p(observed | g) - log p(x), computed here without the engine."""
    built = parties(*SMALL, *NOISE, "defense.std=1e-2", "attack.stop.patience=null", "attack.evaluations=150")
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    found = run(built.attack, seen)
    prior, likelihood = built.attack.priors[0], Likelihood.under(seen, 1e-3)
    held = {name: value[0].double() for name, value in seen.parameters.items()}
    image, labels = found.inputs.double()[0], found.labels[0]

    def score(x):
        own = seen.task.gradient(held, {}, x, labels)
        ours = {name: own[name][None] for name in seen.gradients}
        return (likelihood(ours, seen.gradients) + prior(x[None])).squeeze(0)

    assert float(found.objective[0]) == pytest.approx(float(score(image)), rel=1e-5)  # the image is in float32
    slope, at_truth = (jacrev(score)(x).norm() for x in (image, victims.inputs[0].double()))
    assert float(slope) < 1e-3 * float(at_truth)
    assert float(score(image)) < float(score(victims.inputs[0].double()))


def test_the_more_noise_there_is_the_more_the_prior_counts(parties) -> None:
    away = []
    for std in ("1e-3", "3"):
        built = parties(*SMALL, *NOISE, f"defense.std={std}", "attack.evaluations=40")
        found = run(built.attack, built.client.share(built.data.deal([0])))
        away.append(float((found.inputs - 0.5).square().mean().sqrt()))
    assert away[1] < 0.1 < away[0]  # the even gray of the prior's mean, and a digit


def test_through_a_known_mask_the_survivors_decide(parties) -> None:
    built = parties(*SMALL, "threat=adaptive", "defense=pruning", "defense.fraction=0.7", "attack.evaluations=80")
    victims = built.data.deal([0])
    found = run(built.attack, built.client.share(victims))
    assert float((found.inputs - victims.inputs).square().mean()) < 1e-3


def test_noise_is_in_the_unit_of_what_was_shared(parties) -> None:
    """An update is longer than a gradient by its rate, and is divided by it before it is compared."""
    built = parties(*SMALL, "threat=labels_known")
    distances = []
    for unit in (1.0, 5.0):
        seen, images, labels = observe(net(), victims=2, batch_size=1, unit=unit)
        noisy = replace(seen, defense=({"defense": "Gaussian", "std": 0.1 * unit},), labels=labels)
        matching = built.attack._matching(noisy, built.attack._layout(noisy), labels)
        matching.load(torch.arange(2))
        distances.append(matching.value(flat(built.attack.variables.encode(images.flip(0).float()))))
    torch.testing.assert_close(*distances)


def test_rounding_leaves_no_slope(parties) -> None:
    with pytest.raises(NotApplicable, match="Int8 rounds gradients"):
        parties(*SMALL, "threat=adaptive", "defense=int8")
