"""What every set of images has in common: the size and the colours that they are fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.datamodules.base import VictimDataModule
from bench.datamodules.checks import check_integer
from bench.datamodules.pixels import fit_all
from bench.datamodules.pool import Integers, Pool
from bench.errors import UserError


@dataclass(eq=False, repr=False, kw_only=True)
class ImageDataModule(VictimDataModule[Pool]):
    """Deals batches of images `[V, B, C, H, W]` in [0, 1] with a class each.

    Args:
        size: side in pixels of the square that images are fitted to (`pixels.squared`); None keeps their size.
        channels: 1 or 3 converts; None keeps them.
    """

    size: int | None
    channels: int | None
    things: ClassVar[str] = "images"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is not None:
            check_integer("data.size", self.size, 1, "side in pixels, or null")
        if self.channels not in (None, 1, 3):
            raise UserError(f"data.channels={self.channels}: must be 1 (gray), 3 (RGB) or null (as they are)")

    def _read(self) -> Pool:
        read = super()._read()
        return Pool(fit_all(read.images, self.size, self.channels), read.labels, read.classes, read.class_names)

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)`."""
        return self.pool.shape

    @property
    def mean_image(self) -> Tensor:
        """`[C, H, W]` in [0, 1], over the whole dataset."""
        return self.pool.mean_image

    def private(self, ids: Sequence[int], samples: Integers, labels: Integers) -> dict[str, Tensor]:
        """The images `[V, B, C, H, W]` and their classes `[V, B]`."""
        return {"inputs": self.pool.inputs(samples), "labels": torch.from_numpy(labels)}
