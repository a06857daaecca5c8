"""What stands for a dummy image in the vector that is optimised: its pixels, or its weighted cosine spectrum.

The minimisers are the same; the path to them is not. A method that measures distances in its variables (every one of
`bench.engine.directions` does) treats all of them alike, while natural images have a thousand times more power at low
spatial frequencies than at high ones.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor


class Parametrisation(ABC):
    """A linear, invertible map between variables and images, both `[..., C, H, W]`."""

    @abstractmethod
    def decode(self, variables: Tensor) -> Tensor:
        """Variables -> images."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Images -> variables."""

    @property
    @abstractmethod
    def are_pixels(self) -> bool:
        """Whether bounds on images are bounds on variables."""


@dataclass(frozen=True)
class Pixels(Parametrisation):
    """The images themselves."""

    def decode(self, variables: Tensor) -> Tensor:
        """The same tensor."""
        return variables

    def encode(self, images: Tensor) -> Tensor:
        """The same tensor."""
        return images

    @property
    def are_pixels(self) -> bool:
        """Yes."""
        return True


@dataclass(frozen=True)
class Dct(Parametrisation):
    """Coefficients of the orthonormal discrete cosine transform (DCT-II), over their expected size.

    x = D' (w * z) D with w = (1 + |k|)^-decay, k the spatial frequency in half periods an image. Minimising over z is
    minimising over x with the inner product that w prescribes: an initial inverse Hessian D' w^2 D. The amplitude
    spectrum of natural images falls as 1 / |k| (Field 1987, J. Opt. Soc. Am. A 4, section 4), so it is a prior, but one
    on the path alone: it adds nothing to the objective.

    Args:
        decay: exponent, >= 0; 1 whitens natural images, 0 is a rotation of the pixels.

    Raises:
        ValueError: decay < 0.
    """

    decay: float

    def __post_init__(self) -> None:
        if self.decay < 0:
            raise ValueError(f"decay={self.decay}: must be >= 0 (exponent of the frequency)")

    def decode(self, variables: Tensor) -> Tensor:
        """`[..., H, W]` coefficients -> pixels."""
        rows, columns = self._bases(variables)
        return _both(rows.mT, variables * self._weights(variables), columns)

    def encode(self, images: Tensor) -> Tensor:
        """`[..., H, W]` pixels -> coefficients."""
        rows, columns = self._bases(images)
        return _both(rows, images, columns.mT) / self._weights(images)

    @property
    def are_pixels(self) -> bool:
        """No."""
        return False

    def _bases(self, like: Tensor) -> tuple[Tensor, Tensor]:
        height, width = like.shape[-2:]
        return _cosines(height, like.dtype, like.device), _cosines(width, like.dtype, like.device)

    def _weights(self, like: Tensor) -> Tensor:
        height, width = like.shape[-2:]
        return _decaying(height, width, self.decay, like.dtype, like.device)


def _both(left: Tensor, images: Tensor, right: Tensor) -> Tensor:
    """`left @ image @ right`, a product for each image: how a library sums must not depend on how many there are."""
    flat = images.reshape(-1, *images.shape[-2:])
    count = len(flat)
    half = torch.bmm(left.expand(count, *left.shape), flat)
    return torch.bmm(half, right.expand(count, *right.shape)).reshape(images.shape)


@lru_cache(maxsize=32)
def _cosines(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """`[size, size]`, the orthonormal DCT-II: row k is a cosine of k half periods."""
    k = torch.arange(size, dtype=torch.float64)
    matrix = torch.cos(math.pi * k.unsqueeze(1) * (k + 0.5) / size) * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix.to(device, dtype)


@lru_cache(maxsize=32)
def _decaying(height: int, width: int, decay: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """`[height, width]`, (1 + |k|)^-decay."""
    rows, columns = (torch.arange(size, dtype=torch.float64) for size in (height, width))
    return ((1 + torch.hypot(rows.unsqueeze(1), columns)) ** -decay).to(device, dtype)
