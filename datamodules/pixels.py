"""One image as an array: read from a file, convert its channels, fit it to a square."""

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

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # Pillow knows more, whose depth is not known from it
GRAY_MODES = ("1", "L", "LA")
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as in Pillow's conversion to "L"
_DECODING = 40  # bytes a pixel while an image is decoded: three 64-bit numbers beside the channels' bytes
_MOST = 89_478_485  # pixels of an image: Pillow's limit, a quarter of a GiB with three bytes each
_KIND = 254  # tag of TIFF: bit 0 a smaller copy of another page, bit 2 a mask of one


def read_image(path: Path) -> Pixels:
    """The image in a file: `[H, W, C]`, see `read_pages`.

    Raises:
        UserError: as `read_pages`, or the file holds more pages than one.
    """
    pages = list(read_pages(path))
    if len(pages) > 1:
        raise UserError(f"{path}: holds {len(pages)} images where one is wanted; save them as files of their own")
    return pages[0]


def read_pages(path: Path) -> Iterator[Pixels]:
    """Decode every image in a file: `[H, W, C]`, C is 1 where the file is gray, else 3.

    8 bits a channel come as uint8 in 0..255, more (up to 16, of PNG and TIFF, and of gray PGM) as float32 in [0, 1].
    Each page of a TIFF is an image (a stack of slices), but for thumbnails and masks of other pages. Transparency is
    dropped, a palette is resolved, and a photograph is turned upright as its EXIF entry says.

    Raises:
        UserError: the file is no regular one, cannot be opened, is no image, is truncated or corrupt, is an animation,
            announces more pixels than are decoded (Pillow's limit, 89 million) or than fit into memory, or has a depth
            that cannot be read whole.
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
    # Pillow reports a damaged file with any of these, according to the format
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, struct.error) as error:
        raise UserError(f"{path}: cannot be read as an image ({_reason(error)})") from None


def _open(path: Path, page: int) -> ImageFile.ImageFile:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `_decoded` refuses what it warns of
        opened = Image.open(path, formats=FORMATS)
    opened.seek(page)
    return opened


def _pages(opened: ImageFile.ImageFile, path: Path) -> list[int]:
    """The numbers of the pages that are images of their own.

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
    # a photograph's further pictures (MPO) are previews of it, or aids to show it
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


def fitted_bytes(images: Pixels, size: int | None, channels: int | None) -> int:
    """Bytes of `images` `[..., H, W, C]` after `fit`, without doing it."""
    *count, height, width, depth = images.shape
    pixels = height * width if size is None else size * size
    return math.prod(count) * pixels * (depth if channels is None else channels) * images.itemsize


def fit_all(images: Pixels, size: int | None, channels: int | None) -> Pixels:
    """`fit` for every image of `[N, H, W, C]`; the array itself where there is nothing to change.

    Raises:
        UserError: the fitted images do not fit into memory.
    """
    count, height, width, depth = images.shape
    if size in (None, height) and size in (None, width) and channels in (None, depth):
        return images
    side = f"{width}x{height}" if size is None else f"{size}x{size}"
    require_memory(2 * fitted_bytes(images, size, channels), f"{count} images of {side}", "set a smaller data.size")
    return np.stack([fit(image, size, channels) for image in images])
