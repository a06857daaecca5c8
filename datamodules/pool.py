"""All examples of one dataset in memory, with their fingerprint and mean image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Pixels = npt.NDArray[Any]  # uint8 in 0..255 or float32 in [0, 1]; `Pool` checks which
Integers = npt.NDArray[np.int64]


@dataclass(eq=False)
class Pool:
    """The images that victims are dealt from.

    Args:
        images: `[N, H, W, C]`, uint8 in 0..255, or float32 in [0, 1].
        labels: `[N]`, int64, the labels of the images; all 0 if `classes` is None.
        classes: number of classes of the full dataset (not of those that occur here); None if the images have no
            labels.
        class_names: one name per class, or None if they are not known.

    Raises:
        ValueError: shapes or types disagree (an error of the reader, not of the user's data).
    """

    images: Pixels
    labels: Integers
    classes: int | None
    class_names: tuple[str, ...] | None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype not in (np.uint8, np.float32):
            raise ValueError(f"images: want [N, H, W, C] uint8 or float32, got {self.images.shape} {self.images.dtype}")
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype != np.int64:
            raise ValueError(f"labels: want [{len(self.images)}] int64, got {self.labels.shape} {self.labels.dtype}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape `(C, H, W)` of every image."""
        _, height, width, channels = self.images.shape
        return channels, height, width

    def inputs(self, samples: Integers) -> Tensor:
        """Returns the images `samples` (of any shape `[...]`) as float32 `[..., C, H, W]` in [0, 1]."""
        moved = torch.from_numpy(self.images[samples]).movedim(-1, -3)
        # `.contiguous()` would keep the strides of one channel, which torch takes for channels-last and crashes on.
        chosen = moved.clone(memory_format=torch.contiguous_format)
        return chosen.float().div(255) if chosen.dtype == torch.uint8 else chosen

    @cached_property
    def mean_image(self) -> Tensor:
        """The mean over all N images, `[C, H, W]`, float32 in [0, 1]."""
        mean = self.images.mean(axis=0, dtype=np.float64)
        scale = 255.0 if self.images.dtype == np.uint8 else 1.0
        return torch.from_numpy(mean / scale).movedim(-1, 0).float().contiguous()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of every pixel, every label, their layout and the number of classes."""
        digest = hashlib.sha256(f"{self.images.shape} {self.images.dtype} {self.classes};".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()
