"""Protects: no bit of an image is lost without a word, whatever the kind of file that holds more than 8 a channel."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from bench.datamodules.pixels import read_image
from bench.datamodules.tree import read_images
from bench.errors import UserError

COLOUR_TYPES = {0: 1, 2: 3, 4: 2, 6: 4}  # of PNG: gray, RGB, gray with alpha, RGBA; and their channels
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def numbers(height: int, width: int, channels: int) -> np.ndarray:
    """Every byte of a 16-bit number takes part."""
    return np.random.default_rng(0).integers(0, 2**16, (height, width, channels)).astype(np.uint16)


def png(pixels: np.ndarray, colour_type: int, interlaced: bool) -> bytes:
    """A 16-bit PNG written after the standard, its rows filtered by their left neighbour (filter 1)."""

    def rows(part: np.ndarray) -> bytes:
        found = b""
        for row in part:
            whole = np.frombuffer(row.astype(">u2").tobytes(), np.uint8).reshape(len(row), -1)
            left = np.concatenate([np.zeros_like(whole[:1]), whole[:-1]])
            found += b"\1" + (whole - left).tobytes()
        return found

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = pixels.shape[:2]
    parts = [pixels[y::down, x::right] for x, y, right, down in ADAM7] if interlaced else [pixels]
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, int(interlaced))
    data = zlib.compress(b"".join(rows(part) for part in parts if part.size))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("colour_type", COLOUR_TYPES)
def test_a_png_of_sixteen_bits_is_read_whole(tmp_path: Path, colour_type: int, interlaced: bool) -> None:
    stored = numbers(17, 23, COLOUR_TYPES[colour_type])
    (tmp_path / "x.png").write_bytes(png(stored, colour_type, interlaced))
    image = read_image(tmp_path / "x.png")
    expected = stored[:, :, : 1 if colour_type in (0, 4) else 3]
    assert image.dtype == np.float32 and image.shape == expected.shape
    assert (np.rint(image.astype(np.float64) * 65535) == expected).all()


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_tiff_of_sixteen_bits_is_read_whole(tmp_path: Path, channels: int, order: str, compression) -> None:
    stored = numbers(17, 23, channels)
    photometric = "minisblack" if channels == 1 else "rgb"
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    tifffile.imwrite(
        tmp_path / "x.tif", stored.squeeze(), byteorder=order, photometric=photometric, compression=compression, **extra
    )
    image = read_image(tmp_path / "x.tif")
    assert (np.rint(image.astype(np.float64) * 65535) == stored[:, :, :3]).all()


def test_white_is_one_in_a_tiff_that_counts_from_white(tmp_path: Path) -> None:
    stored = numbers(5, 7, 1)
    tifffile.imwrite(tmp_path / "x.tif", stored.squeeze(), photometric="miniswhite")
    assert (np.rint(read_image(tmp_path / "x.tif").astype(np.float64) * 65535) == 65535 - stored.astype(int)).all()


@pytest.mark.parametrize("magic", ["P2", "P5"])
@pytest.mark.parametrize("largest", [4095, 65535])
def test_a_pgm_is_divided_by_its_own_largest_value(tmp_path: Path, magic: str, largest: int) -> None:
    stored = numbers(5, 7, 1).squeeze() & largest
    data = stored.astype(">u2").tobytes() if magic == "P5" else " ".join(map(str, stored.ravel())).encode()
    (tmp_path / "x.pgm").write_bytes(f"{magic}\n7 5\n{largest}\n".encode() + data)
    assert np.abs(read_image(tmp_path / "x.pgm")[:, :, 0] - stored / largest).max() < 1 / 65535


def test_deep_images_are_turned_upright(tmp_path: Path) -> None:
    stored = numbers(4, 6, 3)
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    turned = np.rot90(stored, -1)  # orientation 6: the first row is the right side
    assert (np.rint(read_image(tmp_path / "x.tif") * 65535.0) == turned).all()


def wrong(kind: str, path: Path) -> None:
    stored = numbers(5, 7, 3)
    if kind == "planes apart":
        tifffile.imwrite(path, stored.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    elif kind == "signed":
        tifffile.imwrite(path, stored[..., 0].astype(np.int16))
    elif kind == "32 bits":
        tifffile.imwrite(path, stored[..., 0].astype(np.uint32))
    elif kind == "floats":
        tifffile.imwrite(path, stored[..., 0].astype(np.float32))
    elif kind == "PPM":
        path.write_bytes(b"P6\n7 5\n65535\n" + stored.astype(">u2").tobytes())
    elif kind == "JPEG 2000":
        Image.fromarray((stored >> 8).astype(np.uint8)).save(path, "JPEG2000")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("planes apart", "more than 8 bits per channel, of a kind that cannot be read whole; save it as a 16-bit PNG"),
        ("PPM", "more than 8 bits per channel, of a kind that cannot be read whole; save it as a 16-bit PNG"),
        ("signed", "whose range is not known; save it with 8 or 16 bits, unsigned"),
        ("32 bits", "whose range is not known; save it with 8 or 16 bits, unsigned"),
        ("floats", "whose range is not known; save it with 8 or 16 bits, unsigned"),
        ("JPEG 2000", "is not an image of a kind that is read here"),
    ],
)
def test_what_cannot_be_read_whole_is_refused(tmp_path: Path, kind: str, sentence: str) -> None:
    wrong(kind, tmp_path / "x.img")
    with pytest.raises(UserError, match=sentence) as caught:
        read_image(tmp_path / "x.img")
    assert str(caught.value).startswith(f"{tmp_path / 'x.img'}: ") and "\n" not in str(caught.value)


def test_a_deep_image_among_others_makes_all_of_them_fractions(tmp_path: Path) -> None:
    plain = np.arange(0, 250, 10, dtype=np.uint8).reshape(5, 5)
    Image.fromarray(plain).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(png(numbers(5, 5, 1), 0, False))
    both = read_images([tmp_path / "a.png", tmp_path / "b.png"], None, None)
    assert both.dtype == np.float32 and both.max() <= 1
    assert np.abs(both[0, :, :, 0] - plain / 255).max() < 1e-7
    assert read_images([tmp_path / "a.png"], None, None).dtype == np.uint8
