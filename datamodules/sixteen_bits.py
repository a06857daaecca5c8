"""Images with more than 8 bits per channel: Pillow reads gray ones completely, but only the high bytes of colours.

It can be made to read the low bytes as well: with the other byte order, it takes the low byte of a 16-bit number for
the high one. Two readings together give the number.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from PIL import ImageFile, ImageOps

from bench.errors import UserError

_BITS, _INVERTED, _PLANES, _SIGNS = 258, 262, 284, 339  # tags of TIFF
_SWAPPED = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_COLOURS = ("RGB", "RGBA", "RGBX")
_LARGEST = 2**16 - 1

Opened = Callable[[], ImageFile.ImageFile]


def bits_of(image: ImageFile.ImageFile) -> int:
    """Returns the bits per channel that the file stores; 8 for formats that have no more."""
    if image.format == "PNG":
        return 16 if _raw(image).endswith(";16B") else 8
    if image.format == "TIFF":
        return max(image.tag_v2.get(_BITS, (1,)))  # type: ignore[attr-defined]
    if image.format == "PPM":
        arguments = image.tile[0].args if image.tile else ()
        largest = arguments[1] if isinstance(arguments, tuple) and len(arguments) == 2 else 0
        return 16 if image.mode == "I" or largest > 255 else 32 if image.mode == "F" else 8
    return 8


def read_deep(image: ImageFile.ImageFile, again: Opened, path: Path) -> npt.NDArray[np.float32]:
    """Reads `[H, W, C]` float32 in [0, 1]: the stored number divided by the largest of its bits; C is 1 (gray) or 3.

    float32 represents the quotients of all 16-bit numbers differently, so nothing is lost.

    Args:
        image: opened, but not loaded; `bits_of` returns more than 8.
        again: opens the same page of the same file again.
        path: path of the file, for messages.

    Raises:
        UserError: Pillow does not read all bits of this kind, or their range is not known (signed, 32 bits).
    """
    bits = bits_of(image)
    if image.format == "TIFF" and (bits > 16 or image.tag_v2.get(_SIGNS, (1,))[0] != 1):  # type: ignore[attr-defined]
        raise UserError(
            f"{path}: holds signed, floating-point or more than 16-bit numbers, whose range is not known; "
            "save it with 8 or 16 bits, unsigned"
        )
    if image.mode.startswith("I"):
        return _gray(image, bits)
    raw = _raw(image)
    if raw == "LA;16B":
        # Its four bytes are read as four channels, of which the first two are the gray number.
        pixels = _upright(_told(image, lambda _: "RGBA"))
        return (_joined(pixels[..., 0], pixels[..., 1]) / _LARGEST)[:, :, None].astype(np.float32)
    layout, _, kind = raw.partition(";16")
    planes = image.tag_v2.get(_PLANES, 1) if image.format == "TIFF" else 1  # type: ignore[attr-defined]
    if layout not in _COLOURS or kind not in _SWAPPED or image.format == "PPM" or planes != 1:
        _refuse(path)
    high = _upright(image)
    with again() as other:
        low = _upright(_told(other, _swapped))
    return (_joined(high[..., :3], low[..., :3]) / _LARGEST).astype(np.float32)


def _gray(image: ImageFile.ImageFile, bits: int) -> npt.NDArray[np.float32]:
    inverted = image.format == "TIFF" and image.tag_v2.get(_INVERTED) == 0  # type: ignore[attr-defined]
    values = _upright(image).astype(np.float64) / (2**bits - 1)
    return (1 - values if inverted else values)[:, :, None].astype(np.float32)


def _joined(high: npt.NDArray[Any], low: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return high.astype(np.float64) * 256 + low


def _upright(image: ImageFile.ImageFile) -> npt.NDArray[Any]:
    return np.array(ImageOps.exif_transpose(image))


def _raw(image: ImageFile.ImageFile) -> str:
    """Returns the layout of a pixel's bytes in the file, in Pillow's terms."""
    if not image.tile:
        return ""
    arguments: Any = image.tile[0].args
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _told(image: ImageFile.ImageFile, rule: Callable[[str], str]) -> ImageFile.ImageFile:
    """Changes the layout of the bytes of `image`, which is not loaded, and returns it."""
    tiles = []
    for tile in image.tile:
        arguments: Any = tile.args
        changed = (rule(arguments[0]), *arguments[1:]) if isinstance(arguments, tuple) else rule(arguments)
        tiles.append(tile._replace(args=changed))
    image.tile = tiles
    return image


def _swapped(raw: str) -> str:
    return raw[:-1] + _SWAPPED[raw[-1]]


def _refuse(path: Path) -> NoReturn:
    raise UserError(
        f"{path}: has more than 8 bits per channel, of a kind that cannot be read whole; save it as a 16-bit PNG"
    )
