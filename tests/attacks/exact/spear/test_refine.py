"""The fit of images to a noisy gradient: from rough ones to what the noise allows, with an honest margin."""

import pytest
import torch
from noisy_gradients import noisy, points

from bench.attacks.exact.spear.noise import CERTAIN
from bench.attacks.exact.spear.refine import refine


@pytest.mark.parametrize("std", [1e-6, 1e-4])
def test_rough_images_become_as_exact_as_the_noise_allows(std) -> None:
    problem, seen = noisy(4, std)
    assert seen is not None
    truth = points(seen, problem.images)
    rough = truth * (1 + 0.02 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0)))
    fit = refine(seen, rough)
    found = fit.points @ (seen.factors.images / seen.factors.values[:, None])
    signal = problem.slopes.norm(dim=1)  # the noise of an image is that of an entry, divided by this
    error = (found - problem.images).square().mean(1).sqrt()
    assert (error < 3 * std / signal).all()
    assert (rough - truth).norm() > 3 * (fit.points - truth).norm()


def test_the_margin_is_five_deviations_of_the_values() -> None:
    problem, seen = noisy(4, 1e-4)
    assert seen is not None
    fit = refine(seen, points(seen, problem.images))
    true = problem.images @ seen.layer.weight.mT + seen.layer.bias
    deviation = ((fit.values - true) / fit.margin * CERTAIN).square().mean().sqrt()
    assert 0.5 < deviation < 2
