"""Protects: MNIST from its original files, whole or not, and its download by torchvision's checksums."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from bench.errors import UserError

FILES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.fixture
def root(shared_data: Path, tmp_path: Path) -> Path:
    """torchvision's layout with the two files of the original test split."""
    folder = tmp_path / "root" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(gzip.decompress((shared_data / "raw" / "mnist" / f"{name}.gz").read_bytes()))
    return tmp_path / "root"


def test_the_official_test_split(build, root: Path, shared_data: Path) -> None:
    data = build("mnist", root=str(root))
    data.setup()
    assert (data.title, data.shape, data.classes, data.size_of_pool) == ("mnist", (1, 28, 28), 10, 10_000)
    # the published counts of the test split
    assert np.bincount(data.pool.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    for file in sorted((shared_data / "mnist").glob("*/*.png"))[::25]:  # an independent decoding, named by index
        assert (data.pool.images[int(file.stem), :, :, 0] == np.array(Image.open(file))).all()
        assert data.pool.labels[int(file.stem)] == int(file.parent.name)
    assert abs(data.mean_image.mean().item() - 0.1325) < 1e-4  # the split's published mean


def test_only_the_split_s_own_files_are_needed(build, root: Path, tmp_path: Path) -> None:
    assert build("mnist", root=str(root)).present()
    with pytest.raises(UserError) as caught:
        build("mnist", root=str(root), split="train").setup()
    folder = root / "MNIST" / "raw"
    assert str(caught.value) == (
        f"data 'mnist' is not in {folder}; run: leakbench prepare mnist, "
        f"or put train-images-idx3-ubyte, train-labels-idx1-ubyte into {folder}"
    )


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [0, 3, 10, 5_000])
def test_a_truncated_file_is_named(build, root: Path, name: str, size: int) -> None:
    path = root / "MNIST" / "raw" / name
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError) as caught:
        build("mnist", root=str(root)).setup()
    assert str(caught.value).startswith(f"{path}: is truncated or corrupt ({size} bytes")


def test_images_and_labels_of_different_splits(build, root: Path) -> None:
    path = root / "MNIST" / "raw" / FILES[1]
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + (9_000).to_bytes(4, "big") + whole[8 : 8 + 9_000])
    with pytest.raises(UserError, match=r"images-idx3-ubyte has 10000 images, t10k-labels-idx1-ubyte 9000 labels"):
        build("mnist", root=str(root)).setup()


def test_prepare_downloads_unpacks_and_checks(
    build, served, shared_data: Path, tmp_path: Path, monkeypatch, closed_port: int
) -> None:
    folder, address = served
    for name in FILES:
        shutil.copyfile(shared_data / "raw" / "mnist" / f"{name}.gz", folder / f"{name}.gz")
    # the first mirror is down
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{closed_port}/", address])
    data = build("mnist")
    assert not data.present()
    data.prepare()
    assert data.present() and Path(data.where()) == tmp_path / "empty" / "MNIST" / "raw"
    data.setup()
    assert data.size_of_pool == 10_000


def test_prepare_refuses_a_file_with_another_checksum(build, served, monkeypatch) -> None:
    folder, address = served
    for name in FILES:
        (folder / f"{name}.gz").write_bytes(gzip.compress(b"forged"))
    monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
    with pytest.raises(UserError, match=r"data 'mnist' could not be fetched \(.*corrupted.*\); put t10k-images"):
        build("mnist").prepare()


def test_prepare_without_a_network_is_one_line(build, monkeypatch, closed_port: int) -> None:
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{closed_port}/"])
    with pytest.raises(
        UserError, match=r"^data 'mnist' could not be fetched \(.*refused.*\); put t10k-.* into .*/MNIST/raw$"
    ):
        build("mnist").prepare()


def test_packed_files_put_there_by_hand_need_no_network(
    build, shared_data: Path, monkeypatch, closed_port: int
) -> None:
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{closed_port}/"])
    data = build("mnist")
    Path(data.where()).mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(shared_data / "raw" / "mnist" / f"{name}.gz", Path(data.where()) / f"{name}.gz")
    data.prepare()
    data.setup()
    assert data.size_of_pool == 10_000


def test_an_unknown_split(build) -> None:
    with pytest.raises(UserError, match=r"data\.split=tset: must be one of test, train; did you mean 'test'\?"):
        build("mnist", split="tset")


def test_root_must_be_given(build) -> None:
    with pytest.raises(UserError, match=r"data\.root is not set"):
        build("mnist", root=None)
