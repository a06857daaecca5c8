"""Protects: reading (depth, palette, damage), conversion of channels, and the fit to a square (as torchvision's)."""

import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from bench.datamodules.pixels import fit, fit_all, read_image, squared, with_channels
from bench.datamodules.tree import read_images
from bench.errors import UserError
from bench.host import capacity


@pytest.fixture
def face(shared_data: Path) -> Path:
    return sorted((shared_data / "lfw").glob("*/*.png"))[0]


def test_read_image_gives_the_file_s_own_pixels(shared_data: Path, face: Path) -> None:
    digit = sorted((shared_data / "mnist" / "3").glob("*.png"))[0]
    assert read_image(digit).shape == (28, 28, 1)
    assert (read_image(digit)[:, :, 0] == np.array(Image.open(digit))).all()
    assert (read_image(face) == np.array(Image.open(face))).all()


@pytest.mark.parametrize("mode", ["P", "RGBA", "1", "LA", "CMYK"])
def test_other_colour_modes_become_gray_or_rgb(face: Path, tmp_path: Path, mode: str) -> None:
    converted = Image.open(face).convert(mode)
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    converted.save(path)
    image = read_image(path)
    assert image.dtype == np.uint8
    assert image.shape == (64, 64, 1 if mode in ("1", "LA") else 3)
    assert (image.squeeze() == np.array(converted.convert("L" if mode in ("1", "LA") else "RGB"))).all()


def test_a_photograph_is_turned_upright(face: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: the camera was held a quarter turn
    Image.open(face).crop((0, 0, 64, 32)).save(tmp_path / "x.png", exif=exif)
    assert read_image(tmp_path / "x.png").shape == (64, 32, 3)


def damaged(face: Path, kind: str) -> bytes:
    whole = face.read_bytes()
    if kind == "flipped":
        middle = len(whole) // 2
        return whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 64]) + whole[middle + 64 :]
    return {"truncated": whole[: len(whole) // 2], "headless": whole[20:], "text": b"not an image", "empty": b""}[kind]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("truncated", "cannot be read as an image (image file is truncated"),
        ("flipped", "cannot be read as an image ("),
        ("headless", "is not an image"),
        ("text", "is not an image"),
        ("empty", "is empty"),
    ],
)
def test_damage_is_one_line_with_the_file_s_name(face: Path, tmp_path: Path, kind: str, words: str) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(damaged(face, kind))
    with pytest.raises(UserError) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: {words}") and "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.png: cannot be read as an image \(No such file or directory\)"):
        read_image(tmp_path / "gone.png")


def giant_png(path: Path, side: int) -> None:
    """A PNG of one colour whose header announces `side` x `side` pixels; it is a few bytes long."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b""))


@pytest.mark.parametrize("side", [60_000, 10_000])  # Pillow refuses the first and only warns of the second
def test_a_header_that_announces_too_many_pixels_is_one_line(tmp_path: Path, side: int, recwarn) -> None:
    giant_png(tmp_path / "bomb.png", side)
    with pytest.raises(UserError, match=r"bomb\.png: announces too many pixels \(.*; save it smaller") as caught:
        read_image(tmp_path / "bomb.png")
    assert "\n" not in str(caught.value) and not recwarn.list


def test_a_large_image_is_refused_where_memory_is_short(tmp_path: Path, monkeypatch) -> None:
    giant_png(tmp_path / "large.png", 5_000)
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 500000 kB\n")
    monkeypatch.setattr(capacity, "_MEMINFO", tmp_path / "meminfo")
    with pytest.raises(UserError, match=r"large\.png: 5000x5000 pixels take \d+ MiB of memory at least, and \d+ MiB"):
        read_image(tmp_path / "large.png")


def test_only_regular_files_are_opened(tmp_path: Path, face: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.png"))
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "folder.png").mkdir()
    for name, kind in (("pipe", "a FIFO"), ("socket", "a socket"), ("zero", "a device"), ("folder", "a folder")):
        with pytest.raises(UserError, match=rf"{name}\.png: is {kind}, and only regular files are read"):
            read_image(tmp_path / f"{name}.png")
    (tmp_path / "link.png").symlink_to(face)
    assert (read_image(tmp_path / "link.png") == read_image(face)).all()


def test_gray_is_luma_and_rgb_of_gray_is_a_repetition(face: Path) -> None:
    image = read_image(face)
    gray = with_channels(image, 1)
    assert gray.shape == (64, 64, 1) and gray.dtype == np.uint8
    assert np.abs(gray[:, :, 0] - image @ np.array([0.299, 0.587, 0.114])).max() <= 1.0  # rounding to 8 bits
    assert (with_channels(gray, 3) == np.repeat(gray, 3, axis=2)).all()
    smooth = (image / 255).astype(np.float32)
    assert np.abs(with_channels(smooth, 1) * 255 - gray).max() <= 1.0
    assert with_channels(image, None) is image and with_channels(image, 3) is image


@pytest.mark.parametrize("size", [16, 32, 48, 100])
def test_resizing_is_torchvision_s_antialiased_bilinear(face: Path, size: int) -> None:
    image = read_image(face)
    ours = squared(image, size)
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    theirs = v2.functional.resize(tensor.float(), [size, size], antialias=True).permute(1, 2, 0).numpy()
    assert ours.dtype == np.uint8 and ours.shape == (size, size, 3)
    assert np.abs(ours - theirs).max() < 1.001  # 8-bit rounding, once a direction, and fixed-point weights
    smooth = squared((image / 255).astype(np.float32), size)
    assert np.abs(smooth * 255 - theirs).max() < 1e-3


def test_the_centre_of_an_oblong_image_is_kept_and_not_squeezed(face: Path) -> None:
    image = read_image(face)
    wide = np.concatenate([np.zeros_like(image), image, np.zeros_like(image)], axis=1)
    assert (squared(wide, 64) == image).all()
    assert (squared(wide.transpose(1, 0, 2), 64) == image.transpose(1, 0, 2)).all()


def test_fit_converts_then_resizes_and_floats_stay_in_range(face: Path) -> None:
    image = read_image(face)
    assert (fit(image, 20, 1) == squared(with_channels(image, 1), 20)).all()
    white = np.ones((7, 9, 3), dtype=np.float32)
    fitted = fit(white, 5, 1)
    assert fitted.shape == (5, 5, 1) and fitted.dtype == np.float32
    assert fitted.max() <= 1.0 and fitted.min() > 1 - 1e-6


def test_fit_all_touches_nothing_without_need(face: Path) -> None:
    images = np.stack([read_image(face)] * 2)
    assert fit_all(images, 64, 3) is images and fit_all(images, None, None) is images
    assert fit_all(images, 32, 1).shape == (2, 32, 32, 1)


def test_a_size_that_cannot_fit_is_refused_before_anything_is_fitted(face: Path) -> None:
    images = np.stack([read_image(face)] * 20)
    with pytest.raises(UserError, match=r"20 images of 100000x100000 take 1\.1 TiB .* are free; set a"):
        fit_all(images, 100_000, None)
    with pytest.raises(UserError, match=r"20 images of 100000x100000 take 1\.1 TiB .*; set data\.size to"):
        read_images([face] * 20, 100_000, None)
