"""Colours of an RGB image as luma and two opponents, which are nearly uncorrelated in natural images.

Ohta, Kanade and Sakai 1980 (Computer Graphics and Image Processing 13, section 2) found that the principal components
of the colours of natural images are close to R + G + B, R - B and R - 2G + B. Here these three have unit length, so the
map is a rotation: distances between images stay what they are.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import normalize

RGB = 3


def to_colours(images: Tensor) -> Tensor:
    """Maps `[..., 3, H, W]`, red, green and blue, to luma and two opponents of the same shape.

    An image with another number of channels than three is returned as it is: each channel is then a luma of its own.

    Example:
        >>> import torch
        >>> gray = torch.full((3, 1, 1), 0.5)
        >>> to_colours(gray).flatten().abs().round(decimals=3).tolist()
        [0.866, 0.0, 0.0]
    """
    return _turned(images, inverse=False)


def to_rgb(colours: Tensor) -> Tensor:
    """The inverse of `to_colours`; both shapes are `[..., C, H, W]`."""
    return _turned(colours, inverse=True)


def _turned(images: Tensor, inverse: bool) -> Tensor:
    """One product per image, since how a library sums must not depend on the number of images."""
    channels, height, width = images.shape[-3:]
    if channels != RGB:
        return images
    matrix = _rotation(images.dtype, images.device)
    flat = images.reshape(-1, channels, height * width)
    turned = torch.bmm((matrix.mT if inverse else matrix).expand(len(flat), RGB, RGB), flat)
    return turned.reshape(images.shape)


@lru_cache(maxsize=32)
def _rotation(dtype: torch.dtype, device: torch.device) -> Tensor:
    """`[3, 3]`, orthonormal: its rows are luma, red against blue, and green against both."""
    rows = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]], dtype=torch.float64)
    return normalize(rows, dim=1).to(device, dtype)
