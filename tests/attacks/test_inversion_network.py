"""The network learns a map that can be learned, and returns the mean image where there is nothing to learn."""

import pytest
import torch
from torch import Tensor

from bench.attacks.inversion_network import InversionTraining

TRAINING = InversionTraining(held_out=0.1, width=32, depth=2, epochs=30, batch_size=20, lr=1e-2)


def problem(count: int = 300) -> tuple[Tensor, Tensor]:
    """Features `[N, 6]` that say what the images `[N, 4]` are, by a linear map and a sigmoid."""
    source = torch.Generator().manual_seed(0)
    features, weights = torch.randn(count, 6, generator=source), torch.randn(6, 4, generator=source)
    return features, (features @ weights).sigmoid()


def test_it_learns_a_map_and_draws_are_taken_in_turn() -> None:
    features, images = problem()
    network = TRAINING([features[:250], features[:250] + 0.01], images[:250], 0)
    error = float((network(features[250:]) - images[250:]).square().mean())
    assert error < 0.1 * float(images.var(0).mean())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_where_features_say_nothing_the_mean_of_the_images_is_kept() -> None:
    """Every epoch on noise is worse on the images that are held out, so none is kept."""
    _, images = problem()
    noise = torch.randn(300, 200, generator=torch.Generator().manual_seed(1))
    found = TRAINING([noise], images, 0)(noise[:3])
    torch.testing.assert_close(found, images[:270].mean(0).expand(3, 4), atol=1e-5, rtol=0)


def test_the_seed_is_all_that_it_depends_on() -> None:
    features, images = problem(60)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = TRAINING([features], images, 0)(features)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(6)
    assert torch.equal(TRAINING([features], images, 0)(features), first)
    assert not torch.equal(TRAINING([features], images, 1)(features), first)


def test_pixels_that_are_black_or_white_everywhere_can_be_learned() -> None:
    features, images = problem(60)
    images[:, 0], images[:, 1] = 0.0, 1.0
    found = TRAINING([features], images, 0)(features)
    assert found[:, 0].max() < 2e-3 and found[:, 1].min() > 1 - 2e-3  # they start at 1e-3


def test_two_images_are_enough_to_run() -> None:
    features, images = problem(2)
    assert TRAINING([features], images, 0)(features).shape == (2, 4)


def test_numbers_out_of_their_range_are_named() -> None:
    for change, says in (({"held_out": 0.0}, "held_out=0.0"), ({"epochs": 0}, "epochs=0"), ({"lr": -1.0}, "lr=-1.0")):
        with pytest.raises(ValueError, match=says):
            InversionTraining(**{**vars(TRAINING), **change})
