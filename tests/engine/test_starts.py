"""Images from which dummies start: what each word means, and that they depend on (seed, victim, restart) alone."""

import pytest
import torch

from bench.engine.starts import COLOURS, STARTS, start_images

SHAPE = (2, 3, 10, 7)


@pytest.mark.parametrize("start", STARTS)
def test_a_start_is_a_function_of_seed_victim_and_restart(start: str) -> None:
    first = start_images(start, SHAPE, 0, 5, 0)
    assert first.shape == SHAPE and first.is_contiguous() and torch.equal(first, start_images(start, SHAPE, 0, 5, 0))
    for other in ((1, 5, 0), (0, 6, 0), (0, 5, 1)):
        assert not torch.equal(first, start_images(start, SHAPE, *other))
    assert start == "normal" or (first.min() >= 0 and first.max() <= 1)


@pytest.mark.parametrize(("start", "times", "height", "width"), [("patch_2x2", 2, 5, 4), ("patch_4x4", 4, 3, 2)])
def test_a_patch_is_repeated(start: str, times: int, height: int, width: int) -> None:
    """10 x 7 pixels are no multiple of 2 x 2 or 4 x 4 patches, so the last row and column of patches are cut."""
    images = start_images(start, SHAPE, 0, 1, 0)
    patch = images[..., :height, :width]
    assert patch.std() > 0.2
    for row in range(10):
        for column in range(7):
            assert torch.equal(images[..., row, column], patch[..., row % height, column % width])


@pytest.mark.parametrize(("start", "level"), [("gray", 0.5), ("dark", 0.0), ("light", 1.0)])
def test_an_even_image(start: str, level: float) -> None:
    assert (start_images(start, SHAPE, 0, 1, 0) - level).abs().max() <= 0.02


@pytest.mark.parametrize("start", COLOURS)
def test_a_colour_is_one_channel(start: str) -> None:
    images = start_images(start, SHAPE, 0, 1, 0)
    for channel, colour in enumerate(COLOURS):
        assert (images[:, channel] - float(colour == start)).abs().max() <= 0.02
