"""What is learned from is what a client would share of the public images, drawn anew where there is chance in it."""

import torch
from public_observations import observe_public

from bench.attacks.gradient_features import FeatureHash
from bench.attacks.public_features import PublicFeatures
from bench.defenses.noise import Gaussian
from bench.defenses.sign import Sign
from bench.messages.flat import flat


def test_features_are_the_gradients_of_the_images_under_the_defence() -> None:
    seen, *_ = observe_public(Sign(False), public=150)  # more than are in memory at a time
    found = PublicFeatures(seen, FeatureHash(1000, 0), 0).draw(0, 140)
    assert seen.public is not None and found.shape == (140, 59)
    weights = {name: value[0] for name, value in seen.parameters.items()}
    for at in (0, 139):
        plain = seen.task.gradient(weights, {}, seen.public.images[at, None], seen.public.labels[at, None])
        rows = torch.cat([flat(plain[name][None]) for name in seen.gradients], 1)
        assert torch.equal(found[at], rows[0].sign().float())


def test_a_defence_without_chance_is_computed_once() -> None:
    seen, *_ = observe_public(Sign(False), public=150)
    assert len(PublicFeatures(seen, FeatureHash(16, 0), 0).draws(4, 150)) == 1


def test_noise_is_drawn_anew_and_by_the_seed() -> None:
    seen, *_ = observe_public(Gaussian(1.0, None, 0), public=20)
    found = PublicFeatures(seen, FeatureHash(100, 0), 0).draws(3, 20)
    assert len(found) == 3
    apart = torch.stack(found)
    # differences of two independent standard normal numbers, 3 x 20 x 59 of them: 1.4 within a few per cent
    assert 1.35 < float((apart - apart.roll(1, 0)).std()) < 1.48
    again = PublicFeatures(seen, FeatureHash(100, 0), 0).draw(2, 20)
    other = PublicFeatures(seen, FeatureHash(100, 0), 1).draw(2, 20)
    assert torch.equal(again, found[2]) and not torch.equal(other, found[2])
    assert len(PublicFeatures(seen, FeatureHash(100, 0), 0).draws(1, 20)) == 1
