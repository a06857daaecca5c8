"""What all sets of images share: the size and the number of channels to which images are fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.datamodules.base import VictimDataModule
from bench.datamodules.checks import check_integer
from bench.datamodules.pixels import fit_all
from bench.datamodules.pool import Pool
from bench.errors import UserError


@dataclass(eq=False, repr=False, kw_only=True)
class ImageDataModule(VictimDataModule[Pool]):
    """Deals batches of images `[V, B, C, H, W]` in [0, 1], with one class per image.

    Args:
        size: side in pixels of the square to which images are fitted (`pixels.squared`); None keeps their size.
        channels: 1 or 3 converts the images; None keeps their channels.
    """

    size: int | None
    channels: int | None
    modality: ClassVar[str] = "images"

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
        """The shape `(C, H, W)` of one image."""
        return self.pool.shape

    @property
    def mean_image(self) -> Tensor:
        """`[C, H, W]` in [0, 1], the mean over the whole dataset."""
        return self.pool.mean_image
