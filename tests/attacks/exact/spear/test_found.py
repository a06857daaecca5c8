"""Images of a complete set of directions, and a search that has none."""

import torch
from layer_gradients import known

from bench.attacks.exact.spear.found import nothing, read_images
from bench.attacks.exact.spear.hull import Hull


def test_images_and_their_agreement_come_from_the_directions_alone() -> None:
    problem = known(6, width=100)
    found = read_images(Hull.of(problem.layer, problem.factors), problem.directions.flip(0))
    torch.testing.assert_close(found.images, problem.images.flip(0), rtol=0, atol=1e-10)
    assert found.least == 1 and found.agreement.shape == (6,)


def test_a_search_without_images_agrees_with_nothing() -> None:
    assert nothing(7).images is None and nothing(7).least == 0 and nothing(7).tried == 7
