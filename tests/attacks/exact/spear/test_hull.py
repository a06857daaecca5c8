"""Images from directions, their agreement with the gradient, and the certificate of one direction."""

import pytest
import torch
from layer_gradients import known

from bench.attacks.exact.spear.hull import Hull, image_points


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_images_and_the_values_of_the_units_follow_from_the_directions(dtype) -> None:
    """Neither the length nor the sign of a direction has an effect."""
    problem = known(6, width=100, dtype=dtype)
    hull, tolerance = Hull.of(problem.layer, problem.factors), 1e-3 if dtype == torch.float32 else 1e-10
    lengths = torch.tensor([1.0, -2, 3, -0.1, 5, 1])[:, None]
    found = image_points(problem.directions * lengths)
    torch.testing.assert_close(hull.images(found), problem.images, rtol=0, atol=tolerance)
    values = problem.images @ problem.layer.weight.mT + problem.layer.bias
    reached = hull.reached(found)
    torch.testing.assert_close(reached / reached.norm(dim=0), values / values.norm(dim=0), rtol=0, atol=tolerance)
    assert hull.agreement(problem.directions).tolist() == [1.0] * 6


def test_a_wrong_direction_shows_in_the_agreement() -> None:
    problem = known(6, width=100)
    wrong = problem.directions.clone()
    wrong[2] = torch.nn.functional.normalize(wrong[2] + 0.1 * wrong[3], dim=0)
    agreement = Hull.of(problem.layer, problem.factors).agreement(wrong)
    assert agreement[2] < 0.9 and agreement[[0, 1, 4, 5]].min() == 1


def test_units_of_one_image_are_certified_and_those_of_a_difference_are_not() -> None:
    problem = known(6, width=300)
    hull = Hull.of(problem.layer, problem.factors)
    awake = problem.slopes != 0
    assert all(hull.separates(row, 0.99) for row in awake)
    assert not any(hull.separates(awake[0] | row, 0.99) for row in awake[1:])
    chance = torch.rand(awake.shape[1], generator=torch.Generator().manual_seed(0)) < 0.5
    assert not hull.separates(chance, 0.99)
    # some units wrong are some units wrong
    flipped = awake[0].clone()
    flipped[:9] = ~flipped[:9]
    assert hull.separates(flipped, 0.9) and not hull.separates(flipped, 0.99)
