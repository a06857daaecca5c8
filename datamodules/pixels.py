"""One image as an array: read from a file, convert its channels, fit it to a square."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from bench.capacity import require_memory
from bench.errors import UserError
from datamodules.pool import Pixels

GRAY_MODES = ("1", "L", "LA")
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as in Pillow's conversion to "L"


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Decode an image file to `[H, W, C]` uint8: C is 1 where the file is gray, else 3.

    Transparency is dropped, a palette is resolved, and a photograph is turned upright as its EXIF entry says.

    Raises:
        UserError: the file cannot be opened, is no image, is truncated or corrupt, or has more than 8 bits a channel.
    """
    try:
        with Image.open(path) as opened:
            if opened.mode.startswith(("I", "F")):
                raise UserError(f"{path}: has more than 8 bits a pixel (mode {opened.mode}); save it with 8 bits")
            gray = opened.mode in GRAY_MODES
            upright = ImageOps.exif_transpose(opened)
            pixels = np.array(upright.convert("L" if gray else "RGB"))
    except Image.UnidentifiedImageError:
        raise UserError(f"{path}: {'is empty' if _is_empty(path) else 'is not an image'}") from None
    # Pillow reports a damaged file with any of these, according to the format
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be read as an image ({_reason(error)})") from None
    return pixels[:, :, None] if gray else pixels


def _is_empty(path: Path) -> bool:
    return path.stat().st_size == 0


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


def with_channels(image: Pixels, channels: int | None) -> Pixels:
    """`[H, W, C]` with 1 channel (luma, ITU-R BT.601) or 3 (gray repeated); None leaves it as it is."""
    if channels is None or image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    if image.dtype == np.uint8:
        return np.array(Image.fromarray(image).convert("L"))[:, :, None]
    return (image @ LUMA)[:, :, None]


def squared(image: Pixels, size: int | None) -> Pixels:
    """The largest centred square of `[H, W, C]`, resized to `[size, size, C]` (bilinear, antialiased); None leaves it.

    The aspect ratio is kept, as by the shorter side's resize and centre crop of iDLG's LFW loader. 8-bit images stay
    8-bit (rounded), so that what is dealt can be stored as PNG without loss.
    """
    if size is None or image.shape[:2] == (size, size):
        return image
    planes = [_squared_plane(image[:, :, channel], size) for channel in range(image.shape[2])]
    return np.stack(planes, axis=2)


def _squared_plane(plane: Pixels, size: int) -> Pixels:
    resized = ImageOps.fit(Image.fromarray(plane), (size, size), method=Image.Resampling.BILINEAR)
    return np.array(resized)


def fit(image: Pixels, size: int | None, channels: int | None) -> Pixels:
    """`with_channels`, then `squared`."""
    fitted = squared(with_channels(image, channels), size)
    # the rounding of a weighted mean can leave [0, 1]
    return fitted if fitted.dtype == np.uint8 else fitted.clip(0.0, 1.0)


def check_room(count: int, size: int | None, channels: int) -> None:
    """Refuses images that do not fit into memory at this size: each alone first, then all of them in one array.

    Raises:
        UserError: how much they take, and what is free.
    """
    if size is not None:
        what = f"data.size={size}: {count:,} images of that size"
        require_memory(2 * count * channels * size**2, what, "take a smaller one")


def fit_all(images: Pixels, size: int | None, channels: int | None) -> Pixels:
    """`fit` for every image of `[N, H, W, C]`; the array itself where there is nothing to change."""
    count, height, width, depth = images.shape
    if size in (None, height) and size in (None, width) and channels in (None, depth):
        return images
    check_room(count, size, channels or depth)
    return np.stack([fit(image, size, channels) for image in images])
