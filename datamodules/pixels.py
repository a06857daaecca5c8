"""One image as an array: reading it from a file, converting its channels, fitting it to a square."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

from bench.datamodules.pool import Pixels
from bench.datamodules.regular import check_regular
from bench.datamodules.sixteen_bits import bits_of, read_deep
from bench.errors import UserError
from bench.host.capacity import require_memory

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # Pillow reads more, but does not tell their depth
GRAY_MODES = ("1", "L", "LA")
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as in Pillow's conversion to "L"
_DECODING = 40  # bytes per pixel while an image is decoded: three 64-bit numbers and the bytes of the channels
_MOST = 89_478_485  # the most pixels per image: Pillow's limit, a quarter of a GiB with three bytes per pixel
_KIND = 254  # a tag of TIFF: bit 0 marks a smaller copy of another page, bit 2 a mask of one


def read_image(path: Path) -> Pixels:
    """Reads the image in a file: `[H, W, C]`, see `read_pages`.

    Raises:
        UserError: see `read_pages`, or the file holds more than one page.
    """
    pages = list(read_pages(path))
    if len(pages) > 1:
        raise UserError(f"{path}: holds {len(pages)} images where one is wanted; save them as files of their own")
    return pages[0]


def read_pages(path: Path) -> Iterator[Pixels]:
    """Decodes every image in a file: `[H, W, C]`, where C is 1 if the file is gray, else 3.

    Images with 8 bits per channel are uint8 in 0..255. Deeper ones (up to 16 bits, of PNG and TIFF, and of gray PGM)
    are float32 in [0, 1]. Each page of a TIFF is an image (a stack of slices), except for thumbnails and masks of other
    pages. Transparency is dropped, a palette is resolved, and a photograph is turned upright as its EXIF entry says.

    Raises:
        UserError: the file is not a regular one, cannot be opened, is no image, is truncated or corrupt, is an
            animation, has more pixels than are decoded (Pillow's limit, 89 million) or than fit into memory, or has a
            depth that cannot be read completely.
    """
    try:
        check_regular(path)
        with _open(path, 0) as opened:
            for page in _pages(opened, path):
                opened.seek(page)
                yield _decoded(opened, page, path)
    except Image.UnidentifiedImageError:
        empty = path.stat().st_size == 0
        what = "is empty" if empty else f"is not an image of a kind that is read here ({', '.join(FORMATS)})"
        raise UserError(f"{path}: {what}") from None
    except Image.DecompressionBombError as error:
        raise UserError(f"{path}: announces too many pixels ({_reason(error)}); save it smaller") from None
    # Pillow reports a damaged file with any of these errors, depending on the format.
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, struct.error) as error:
        raise UserError(f"{path}: cannot be read as an image ({_reason(error)})") from None


def _open(path: Path, page: int) -> ImageFile.ImageFile:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `_decoded` refuses what it warns of
        opened = Image.open(path, formats=FORMATS)
    opened.seek(page)
    return opened


def _pages(opened: ImageFile.ImageFile, path: Path) -> list[int]:
    """Returns the numbers of the pages that are images of their own.

    Raises:
        UserError: they are the frames of an animation.
    """
    count = getattr(opened, "n_frames", 1)
    if opened.format == "TIFF":
        pages = []
        for page in range(count):
            opened.seek(page)
            if not opened.tag_v2.get(_KIND, 0) & 0b101:  # type: ignore[attr-defined]
                pages.append(page)
        return pages or [0]
    # The further pictures of a photograph (MPO) are previews of it, or data for its display.
    if count > 1 and opened.format not in ("JPEG", "MPO"):
        raise UserError(
            f"{path}: is an animation of {count} frames; save those that are images of your data as files of their own"
        )
    return [0]


def _decoded(opened: ImageFile.ImageFile, page: int, path: Path) -> Pixels:
    width, height = opened.size
    if width * height > _MOST:
        raise UserError(
            f"{path}: announces too many pixels ({width}x{height}, {_MOST:,} are decoded at most); save it smaller"
        )
    require_memory(_DECODING * width * height, f"{path}: {width}x{height} pixels", "save it smaller")
    if bits_of(opened) > 8:
        return read_deep(opened, lambda: _open(path, page), path)
    gray = opened.mode in GRAY_MODES
    upright = ImageOps.exif_transpose(opened)
    pixels = np.array(upright.convert("L" if gray else "RGB"))
    return pixels[:, :, None] if gray else pixels


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


def with_channels(image: Pixels, channels: int | None) -> Pixels:
    """Converts `[H, W, C]` to 1 channel (luma, ITU-R BT.601) or 3 (gray, repeated); None leaves it as it is."""
    if channels is None or image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    if image.dtype == np.uint8:
        return np.array(Image.fromarray(image).convert("L"))[:, :, None]
    return (image @ LUMA)[:, :, None]


def squared(image: Pixels, size: int | None) -> Pixels:
    """Crops the largest centred square of `[H, W, C]` and resizes it to `[size, size, C]` (bilinear, antialiased).

    None leaves the image as it is. The aspect ratio is kept, as by the resize of the shorter side and the centre crop
    in iDLG's LFW loader. 8-bit images stay 8-bit (rounded), so that they can be stored as PNG without loss.
    """
    if size is None or image.shape[:2] == (size, size):
        return image
    planes = [_squared_plane(image[:, :, channel], size) for channel in range(image.shape[2])]
    return np.stack(planes, axis=2)


def _squared_plane(plane: Pixels, size: int) -> Pixels:
    resized = ImageOps.fit(Image.fromarray(plane), (size, size), method=Image.Resampling.BILINEAR)
    return np.array(resized)


def fit(image: Pixels, size: int | None, channels: int | None) -> Pixels:
    """Applies `with_channels` and then `squared` to one image.

    Args:
        image: `[H, W, C]`.
        size: side of the square in pixels; None keeps the size.
        channels: 1 or 3; None keeps the channels.
    """
    fitted = squared(with_channels(image, channels), size)
    # The rounding of a weighted mean can leave [0, 1].
    return fitted if fitted.dtype == np.uint8 else fitted.clip(0.0, 1.0)


def fitted_bytes(images: Pixels, size: int | None, channels: int | None) -> int:
    """Returns the number of bytes of images after `fit`, without running it.

    Args:
        images: `[..., H, W, C]`.
        size: see `fit`.
        channels: see `fit`.
    """
    *count, height, width, depth = images.shape
    pixels = height * width if size is None else size * size
    return math.prod(count) * pixels * (depth if channels is None else channels) * images.itemsize


def fit_all(images: Pixels, size: int | None, channels: int | None) -> Pixels:
    """Applies `fit` to every image; returns the array itself if there is nothing to change.

    Args:
        images: `[N, H, W, C]`.
        size: see `fit`.
        channels: see `fit`.

    Raises:
        UserError: the fitted images do not fit into memory.
    """
    count, height, width, depth = images.shape
    if size in (None, height) and size in (None, width) and channels in (None, depth):
        return images
    side = f"{width}x{height}" if size is None else f"{size}x{size}"
    require_memory(2 * fitted_bytes(images, size, channels), f"{count} images of {side}", "set a smaller data.size")
    return np.stack([fit(image, size, channels) for image in images])
