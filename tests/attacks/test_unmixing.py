"""Mixtures taken apart: exactly if the share is away from 1/2, with the prior near it, and with a share that is sought.

Mixtures are made by the defence itself.
"""

import pytest
import torch
from torch import Tensor

from bench.attacks.unmixing import circles, on_circle, share_within, unmixed
from bench.defenses.example_form import ExampleForm
from bench.defenses.mixup import Mixup


def mixtures_of(images: Tensor, share: float, partner: Tensor) -> Tensor:
    form = ExampleForm(tuple(images.shape[1:]), 10, by_token=False, refusal=None, soft=True)
    drawn = torch.tensor(share, dtype=images.dtype), partner
    return Mixup(1.0, 0).change_examples(images, images.new_zeros(len(images), 10), drawn, form)[0]


def images_of(count: int) -> Tensor:
    return torch.rand(count, 2, 5, 7, generator=torch.Generator().manual_seed(count), dtype=torch.float64)


@pytest.mark.parametrize("batch_size", [2, 3, 4, 5])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.95, 1.0])
def test_exact_mixtures_give_the_images_back(batch_size: int, share: float) -> None:
    """The condition number is 5 at most, so only rounding is left."""
    images = images_of(batch_size)
    for partner in map(torch.tensor, circles(batch_size, 3)):
        mixtures = mixtures_of(images, share, partner)
        found = unmixed(mixtures, torch.tensor(share), partner, 0.5, 0.0, 1.0)
        torch.testing.assert_close(found, images, rtol=0, atol=1e-6 if share in (0.2, 0.6, 0.95) else 1e-8)


def test_the_circles_are_all_different_and_lead_through_all_examples() -> None:
    found = circles(4, 100)
    assert len(set(found)) == len(found) == 6
    for partner in map(torch.tensor, found):
        assert sorted(on_circle(partner).tolist()) == [0, 1, 2, 3]
    assert circles(2, 5) == ((1, 0),) and circles(4, 2) == found[:2]


def test_near_one_half_the_prior_keeps_the_error_of_the_mixtures_small() -> None:
    """Smooth images and an error of 1e-3: the inverse multiplies it by 1 / (2 m - 1) = 500."""
    generator, partner = torch.Generator().manual_seed(0), torch.tensor([1, 0])
    ramp = torch.linspace(0, 1, 16, dtype=torch.float64)
    images = torch.stack([0.3 + 0.4 * ramp.expand(1, 16, 16), 0.7 - 0.4 * ramp[:, None].expand(1, 16, 16)])
    mixtures = mixtures_of(images, 0.501, partner)
    mixtures = mixtures + 1e-3 * torch.randn(mixtures.shape, generator=generator, dtype=torch.float64)
    plain, ridged = (unmixed(mixtures, torch.tensor(0.501), partner, 0.5, ridge, 1.0) for ridge in (0.0, 1e-3))
    error, kept = ((found - images).square().mean() for found in (plain, ridged))
    assert error > 0.01 and kept < 0.3 * error


@pytest.mark.parametrize("share", [0.6, 0.8, 0.97])
def test_images_on_a_black_ground_say_their_share(share: float) -> None:
    """Each image has a black pixel where the other one is not black, so a smaller share leaves the range."""
    images, partner = images_of(2), torch.tensor([1, 0])
    images[0, :, :2], images[1, :, 3:] = 0, 0
    found = share_within(mixtures_of(images, share, partner), partner, (0.0, 1.0), 1e-12, 0.0, 1.0)
    assert float(found) == pytest.approx(share, abs=1e-5)


def test_images_in_the_middle_of_the_range_are_said_to_differ_more_than_they_do() -> None:
    images, partner = 0.4 + 0.2 * images_of(2), torch.tensor([1, 0])
    assert float(share_within(mixtures_of(images, 0.9, partner), partner, (0.0, 1.0), 1e-12, 0.0, 1.0)) < 0.75
