"""Protects: pixels in [0, 1] whatever they are kept in; the mean image; a fingerprint that notices any change."""

import numpy as np
import pytest
import torch

from bench.datamodules.pool import Pool

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
LABELS = np.arange(6, dtype=np.int64)


def test_inputs_are_the_pixels_over_255_channels_first() -> None:
    chosen = np.array([[4, 0], [4, 5]])
    inputs = Pool(IMAGES, LABELS, 6, None).inputs(chosen)
    assert inputs.shape == (2, 2, 3, 4, 5) and inputs.dtype == torch.float32 and inputs.is_contiguous()
    assert inputs[0, 1, 2, 3, 1].item() == np.float32(IMAGES[0, 3, 1, 2] / 255)
    whole = inputs[1, 0].mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    assert (whole == IMAGES[4]).all()


def test_inputs_of_one_channel_are_not_taken_for_channels_last() -> None:
    """`.contiguous()` keeps strides (HW, 1, W, 1) of gray images, on which torch's convolutions crash in backward."""
    gray = Pool(np.zeros((5, 8, 8, 1), np.uint8), np.zeros(5, np.int64), 10, None)
    assert gray.inputs(np.arange(3)).stride() == (64, 64, 8, 1)


def test_float_pixels_pass_unchanged() -> None:
    pixels = (IMAGES / 300).astype(np.float32)
    inputs = Pool(pixels, LABELS, None, None).inputs(np.array([2]))
    assert torch.equal(inputs[0], torch.from_numpy(pixels[2]).permute(2, 0, 1))


def test_mean_image_is_the_mean_of_the_inputs() -> None:
    pool = Pool(IMAGES, LABELS, 6, None)
    expected = pool.inputs(np.arange(6)).double().mean(0)
    assert pool.mean_image.shape == pool.shape == (3, 4, 5)
    assert torch.allclose(pool.mean_image.double(), expected, atol=1e-7)  # float32 rounding


def test_fingerprint_changes_with_every_part() -> None:
    def mark(images: np.ndarray = IMAGES, labels: np.ndarray = LABELS, classes: int | None = 6) -> str:
        return Pool(images, labels, classes, None).fingerprint

    pixel = IMAGES.copy()
    pixel[3, 2, 1, 0] ^= 1
    marks = [
        mark(),
        mark(pixel),
        mark(labels=LABELS[::-1]),
        mark(classes=7),
        mark(IMAGES.reshape(6, 5, 4, 3)),
        mark(IMAGES[::-1]),
    ]
    assert len(set(marks)) == len(marks)
    assert mark(np.asfortranarray(IMAGES)) == mark()
    assert len(mark()) == 64 and int(mark(), 16) >= 0


@pytest.mark.parametrize(
    ("images", "labels"), [(IMAGES[0], LABELS), (IMAGES.astype(np.int32), LABELS), (IMAGES, LABELS[:5])]
)
def test_a_reader_that_disagrees_with_itself_is_stopped(images: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="want"):
        Pool(images, labels, 6, None)
