"""Protects: SVHN's .mat files (the digit 0 is stored as 10), checked before they are read. Written from real images."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision import datasets

from bench.errors import UserError


@pytest.fixture
def original(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray, list[int]]:
    """`test_32x32.mat` in the original layout `[H, W, C, N]`: its path, images `[N, H, W, C]` and digits."""
    files = sorted((shared_data / "svhn").glob("*/*.png"))[::4]
    images = np.stack([np.array(Image.open(file)) for file in files])
    digits = [int(file.parent.name) for file in files]
    path = tmp_path / "root" / "test_32x32.mat"
    path.parent.mkdir()
    stored = np.array([[digit or 10] for digit in digits], dtype=np.uint8)
    scipy.io.savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": stored})
    checksum = hashlib.md5(path.read_bytes()).hexdigest()
    url, name, _ = datasets.SVHN.split_list["test"]
    monkeypatch.setitem(datasets.SVHN.split_list, "test", [url, name, checksum])
    return path, images, digits


def test_pixels_and_digits(build, original) -> None:
    path, images, digits = original
    data = build("svhn", root=str(path.parent))
    data.setup()
    assert (data.title, data.shape, data.classes) == ("svhn", (3, 32, 32), 10)
    assert (data.pool.images == images).all() and data.pool.labels.tolist() == digits and 0 in digits


def test_a_truncated_file_is_named(build, original) -> None:
    path, _, _ = original
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError) as caught:
        build("svhn", root=str(path.parent)).setup()
    assert str(caught.value).startswith(f"{path}: is truncated or corrupt (5000 bytes, MD5 differs")


def test_absence_names_the_split_s_file(build, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        build("svhn", split="extra").setup()
    folder = tmp_path / "empty"
    assert str(caught.value) == (
        f"data 'svhn' is not in {folder}; run: leakbench prepare svhn, or put extra_32x32.mat into {folder}"
    )


def test_prepare_downloads(build, original, served, monkeypatch) -> None:
    path, _, digits = original
    folder, address = served
    _, name, checksum = datasets.SVHN.split_list["test"]
    (folder / name).write_bytes(path.read_bytes())
    monkeypatch.setitem(datasets.SVHN.split_list, "test", [address + name, name, checksum])
    data = build("svhn")
    data.prepare()
    data.setup()
    assert data.pool.labels.tolist() == digits


def test_prepare_without_a_network_is_one_line(build, monkeypatch, closed_port: int) -> None:
    _, name, checksum = datasets.SVHN.split_list["test"]
    monkeypatch.setitem(datasets.SVHN.split_list, "test", [f"http://127.0.0.1:{closed_port}/x", name, checksum])
    with pytest.raises(UserError, match=r"^data 'svhn' could not be fetched \(.*refused.*\); put test_32x32\.mat into"):
        build("svhn").prepare()
