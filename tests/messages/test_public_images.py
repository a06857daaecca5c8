"""Public images are images with a label each, and move with their message."""

import pytest
import torch

from bench.messages.public_images import PublicImages


def test_shapes_are_checked() -> None:
    images, labels = torch.rand(3, 1, 2, 2), torch.zeros(3, dtype=torch.int64)
    assert len(PublicImages(images, labels, None)) == 3
    with pytest.raises(ValueError, match=r"images: want \[P, C, H, W\]"):
        PublicImages(images[0], labels, None)
    with pytest.raises(ValueError, match=r"labels: want \[3\], got \[2\]"):
        PublicImages(images, labels[:2], None)


def test_the_function_stays_the_same_object_when_the_tensors_move() -> None:
    """An attack knows by it that what it has learned still holds."""
    found = PublicImages(torch.rand(3, 1, 2, 2), torch.zeros(3, dtype=torch.int64), print)  # type: ignore[arg-type]
    moved = found.to("meta")
    assert moved.update is print and moved.images.is_meta and moved.labels.is_meta
