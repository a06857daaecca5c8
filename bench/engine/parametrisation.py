"""How dummy images are represented by the optimised variables: by pixels, or by their weighted cosine spectrum.

A third form, the weights of a network that draws the images, is in `bench.engine.generator`.

The spectrum is that of each channel, or that of luma and chroma.

The minimisers are the same, but the path to them is not. A method that measures distances between its variables (as
every one in `bench.engine.directions` does) treats all variables alike, while natural images have a thousand times more
power at low spatial frequencies than at high ones.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from bench.engine.colours import RGB, to_colours, to_rgb
from bench.engine.starts import STARTS, start_images


class Parametrisation(ABC):
    """A differentiable map from the variables of a victim to its batch of images."""

    @abstractmethod
    def size(self, batch_size: int, shape: tuple[int, ...]) -> int:
        """The number of variables that represent B images.

        Args:
            batch_size: B.
            shape: `(C, H, W)` of an image.
        """

    @abstractmethod
    def images(self, variables: Tensor, batch_size: int, shape: tuple[int, ...]) -> Tensor:
        """Maps the variables of S victims, `[S, size]`, to their images `[S, B, C, H, W]`.

        Args:
            variables: `[S, size]`.
            batch_size: B.
            shape: `(C, H, W)` of an image.
        """

    @property
    @abstractmethod
    def are_pixels(self) -> bool:
        """Whether the variables are pixels, so that bounds on images are bounds on variables."""

    @property
    @abstractmethod
    def starts(self) -> tuple[str, ...]:
        """The words of `first`."""

    @abstractmethod
    def first(
        self,
        start: str,
        batch_size: int,
        shape: tuple[int, ...],
        span: tuple[float, float] | None,
        run: tuple[int, int, int],
        dtype: torch.dtype,
    ) -> Tensor:
        """Draws the initial variables `[size]` of one run.

        Args:
            start: one of `starts`.
            batch_size: B.
            shape: `(C, H, W)` of an image.
            span: the range of inputs; None if it is not known.
            run: seed of the attacker's random numbers, number of the victim, and number of the run.
            dtype: type of the variables.
        """


class ImageMap(Parametrisation):
    """An invertible map between variables and images, both `[..., C, H, W]`; those of this file are linear."""

    def size(self, batch_size: int, shape: tuple[int, ...]) -> int:
        """The number of pixels, B x C x H x W; for the arguments see `Parametrisation.size`."""
        return batch_size * prod(shape)

    def images(self, variables: Tensor, batch_size: int, shape: tuple[int, ...]) -> Tensor:
        """Decodes each image on its own; for the arguments see `Parametrisation.images`."""
        return self.decode(variables.reshape(-1, batch_size, *shape))

    @property
    def starts(self) -> tuple[str, ...]:
        """The words of `bench.engine.starts`."""
        return STARTS

    def first(
        self,
        start: str,
        batch_size: int,
        shape: tuple[int, ...],
        span: tuple[float, float] | None,
        run: tuple[int, int, int],
        dtype: torch.dtype,
    ) -> Tensor:
        """Encodes images that are drawn; for the arguments see `Parametrisation.first`."""
        images = start_images(start, (batch_size, *shape), *run)
        if start != "normal":
            assert span is not None
            low, high = span
            images = low + (high - low) * images
        return self.encode(images.to(dtype)).flatten()

    @abstractmethod
    def decode(self, variables: Tensor) -> Tensor:
        """Maps variables to images; both are `[..., C, H, W]`."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Maps images to variables; both are `[..., C, H, W]`. This is the inverse of `decode`."""


@dataclass(frozen=True)
class Pixels(ImageMap):
    """The variables of an image are its pixels themselves, so this map is the identity."""

    def decode(self, variables: Tensor) -> Tensor:
        """Returns `variables` unchanged, since they are the pixels."""
        return variables

    def encode(self, images: Tensor) -> Tensor:
        """Returns `images` unchanged, since their pixels are the variables."""
        return images

    @property
    def are_pixels(self) -> bool:
        """Returns True, since the variables are pixels."""
        return True


@dataclass(frozen=True)
class Dct(ImageMap):
    """The coefficients of the orthonormal discrete cosine transform (DCT-II), divided by their expected size.

    x = D' (w * z) D with w = (1 + |k|)^-decay, where k is the spatial frequency in half periods per image. Minimising
    over z means minimising over x with the inner product that w prescribes, or with an initial inverse Hessian D' w^2
    D. The amplitude spectrum of natural images falls as 1 / |k| (Field 1987, J. Opt. Soc. Am. A 4, section 4). The
    weights are thus a prior, but a prior on the path alone: they add nothing to the objective.

    Args:
        decay: exponent of the frequency, >= 0; 1 whitens natural images, 0 makes the map a rotation of the pixels.

    Raises:
        ValueError: decay < 0.
    """

    decay: float

    def __post_init__(self) -> None:
        if self.decay < 0:
            raise ValueError(f"decay={self.decay}: must be >= 0 (exponent of the frequency)")

    def decode(self, variables: Tensor) -> Tensor:
        """Maps coefficients to pixels; both are `[..., H, W]`."""
        rows, columns = _bases(variables)
        return _both(rows.mT, variables * self._weights(variables), columns)

    def encode(self, images: Tensor) -> Tensor:
        """Maps pixels to coefficients; both are `[..., H, W]`."""
        rows, columns = _bases(images)
        return _both(rows, images, columns.mT) / self._weights(images)

    @property
    def are_pixels(self) -> bool:
        """Returns False, since the variables are coefficients."""
        return False

    def _weights(self, like: Tensor) -> Tensor:
        height, width = like.shape[-2:]
        return _decaying(height, width, self.decay, like.dtype, like.device)


@dataclass(frozen=True)
class ColouredDct(ImageMap):
    """The cosine spectrum of luma and of two chromas, each divided by its expected size (ours).

    x = R' D' (w_c * z) D, where R turns red, green and blue to luma and chroma (`bench.engine.colours`), D is the
    cosine transform of `Dct`, and w_c falls with the frequency as there. The weights of colour c are scaled so that
    variables of size 1 make an image whose colour c deviates by `deviations[c]`. Natural images have little power in
    chroma, so that a method that treats its variables alike should find luma first. An image whose channels are not
    three has no chroma: all its channels take the first deviation.

    Args:
        decay: exponent of the frequency, >= 0.
        deviations: of luma, of red against blue, and of green against both, in units of a pixel; each > 0.

    Raises:
        ValueError: decay < 0, or `deviations` are not three positive numbers.
    """

    decay: float
    deviations: tuple[float, float, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "deviations", tuple(self.deviations))  # a list in a YAML cannot be hashed
        if self.decay < 0:
            raise ValueError(f"decay={self.decay}: must be >= 0 (exponent of the frequency)")
        if len(self.deviations) != RGB or not all(value > 0 for value in self.deviations):
            raise ValueError(f"deviations={list(self.deviations)}: want three numbers > 0 (luma and two chromas)")

    def decode(self, variables: Tensor) -> Tensor:
        """Maps coefficients of luma and chroma to pixels; both are `[..., C, H, W]`."""
        rows, columns = _bases(variables)
        return to_rgb(_both(rows.mT, variables * self._weights(variables), columns))

    def encode(self, images: Tensor) -> Tensor:
        """Maps pixels to coefficients of luma and chroma; both are `[..., C, H, W]`."""
        rows, columns = _bases(images)
        return _both(rows, to_colours(images), columns.mT) / self._weights(images)

    @property
    def are_pixels(self) -> bool:
        """Returns False, since the variables are coefficients."""
        return False

    def _weights(self, like: Tensor) -> Tensor:
        """`[C, H, W]`."""
        channels, height, width = like.shape[-3:]
        decaying = _decaying(height, width, self.decay, like.dtype, like.device)
        sizes = self.deviations if channels == RGB else self.deviations[:1] * channels
        return like.new_tensor(sizes).view(-1, 1, 1) * decaying / decaying.square().mean().sqrt()


def _bases(like: Tensor) -> tuple[Tensor, Tensor]:
    """The cosines of rows and of columns for images like `like` `[..., H, W]`."""
    height, width = like.shape[-2:]
    return _cosines(height, like.dtype, like.device), _cosines(width, like.dtype, like.device)


def _both(left: Tensor, images: Tensor, right: Tensor) -> Tensor:
    """`left @ image @ right`, one product per image: how a library sums must not depend on the number of images."""
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
