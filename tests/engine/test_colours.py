"""Luma and two opponents: a rotation of red, green and blue."""

import pytest
import torch

from bench.engine.colours import to_colours, to_rgb


def test_the_axes_are_the_sum_and_the_two_opponents_of_ohta() -> None:
    """By hand: (R + G + B) / sqrt 3, (R - B) / sqrt 2, (R - 2G + B) / sqrt 6."""
    red, green, blue = 0.9, 0.4, 0.1
    found = to_colours(torch.tensor([red, green, blue], dtype=torch.float64).view(3, 1, 1)).flatten()
    expected = [(red + green + blue) / 3**0.5, (red - blue) / 2**0.5, (red - 2 * green + blue) / 6**0.5]
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_the_map_is_a_rotation() -> None:
    images = torch.rand(4, 2, 3, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    colours = to_colours(images)
    assert colours.shape == images.shape
    torch.testing.assert_close(to_rgb(colours), images)
    torch.testing.assert_close(colours.flatten(1).norm(dim=1), images.flatten(1).norm(dim=1))


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_images_have_no_colours(channels: int) -> None:
    images = torch.rand(2, channels, 4, 4)
    assert to_colours(images) is images
    assert to_rgb(images) is images


def test_an_image_is_turned_the_same_in_any_company() -> None:
    """Bitwise: a victim's path must not depend on how many are worked on beside it."""
    images = torch.rand(32, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    together = to_colours(images)
    for count in (1, 3, 31):
        assert torch.equal(to_colours(images[:count]), together[:count])
