"""The search under noise: all images, as exact as the noise allows, and none that the gradient does not support."""

import pytest
import torch
from noisy_gradients import noisy, points

from bench.attacks.exact.spear.noisy import NoisySearch, agreement
from bench.attacks.exact.spear.refine import refine
from bench.attacks.exact.spear.search import SpearBudget

QUICK = SpearBudget(starts=128, at_once=64, steps=100, patience=128)


def search(seen, accept: float = 0.999):
    return NoisySearch(seen, accept, torch.Generator().manual_seed(0))(QUICK)


@pytest.mark.parametrize(("batch", "std"), [(1, 1e-4), (4, 1e-6), (4, 1e-4), (8, 1e-5)])
def test_every_image_comes_back(batch, std) -> None:
    problem, seen = noisy(batch, std)
    found = search(seen)
    assert found.least == 1
    error = (problem.images[:, None] - found.images).square().mean(2).sqrt().amin(1)
    assert (error < 6 * std / problem.slopes.norm(dim=1)).all()


def test_noise_as_large_as_the_gradient_leaves_no_image_that_counts() -> None:
    _, seen = noisy(4, 3e-2)
    assert seen is None or search(seen).least < 0.999


def test_false_images_do_not_agree() -> None:
    """Means of two images, an image of the attacker's own, and images that were mixed up with their negatives."""
    problem, seen = noisy(4, 1e-5)
    true = points(seen, problem.images)
    fit = refine(seen, true)
    assert agreement(seen, fit).min() == 1
    own = torch.randn(4, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * true.norm(dim=1).mean()
    for other in (true[0] + true[1], own, -true[0]):
        false = torch.cat([other[None], true[1:]])
        values = false @ (seen.layer.weight @ (seen.factors.images / seen.factors.values[:, None]).mT).mT
        claim = type(fit)(false, values + seen.layer.bias, fit.margin)
        assert agreement(seen, claim).min() < 0.99


def test_an_image_whose_values_are_all_within_the_noise_is_not_supported() -> None:
    problem, seen = noisy(4, 1e-5)
    fit = refine(seen, points(seen, problem.images))
    vague = type(fit)(fit.points, fit.values, fit.margin + fit.values.abs().max())
    assert (agreement(seen, vague) == 0).all()
