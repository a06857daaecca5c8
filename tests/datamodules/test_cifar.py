"""Protects: CIFAR's original batches, checked before they are unpickled, for both sets.

The whole archives are on no test machine, so batches of the original format are written from real images, and the
published checksums replaced by theirs; reading, checking and unpacking are torchvision's and ours, unchanged.
"""

import hashlib
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from bench.errors import UserError

SETS = {
    "cifar10": (datasets.CIFAR10, "labels", 10, ["data_batch_1", "data_batch_2"], "test_batch"),
    "cifar100": (datasets.CIFAR100, "fine_labels", 100, ["train"], "test"),
}


class Original:
    """A set in its original format under `root`."""

    def __init__(self, name: str, shared: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name, self.root = name, root
        self.reader, self.key, self.classes, train, self.test = SETS[name]
        self.folder = root / self.reader.base_folder
        self.folder.mkdir(parents=True)
        files = sorted((shared / name).glob("*/*.png"))[::5]
        self.names = sorted(entry.name for entry in (shared / name).iterdir() if entry.is_dir())
        self.images = np.stack([np.array(Image.open(file)) for file in files])
        self.labels = [self.names.index(file.parent.name) for file in files]
        half = len(files) // 2
        trains = [(batch, self._write(batch, slice(0, half))) for batch in train]
        monkeypatch.setattr(self.reader, "train_list", trains)
        monkeypatch.setattr(self.reader, "test_list", [(self.test, self._write(self.test, slice(half, None)))])
        meta = self._dump(self.reader.meta["filename"], {self.reader.meta["key"]: self.names})
        monkeypatch.setattr(self.reader, "meta", {**self.reader.meta, "md5": meta})
        self.test_images, self.test_labels = self.images[half:], self.labels[half:]
        self.train_count = half * len(train)

    def _write(self, batch: str, rows: slice) -> str:
        flat = self.images[rows].transpose(0, 3, 1, 2).reshape(-1, 3072)
        return self._dump(batch, {"data": flat, self.key: self.labels[rows]})

    def _dump(self, file: str, content: Any) -> str:
        blob = pickle.dumps(content, protocol=2)
        (self.folder / file).write_bytes(blob)
        return hashlib.md5(blob).hexdigest()


@pytest.fixture(params=SETS)
def original(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Original:
    return Original(request.param, shared_data, tmp_path / "root", monkeypatch)


def test_the_split_s_pixels_labels_and_names(build, original: Original) -> None:
    data = build(original.name, root=str(original.root))
    data.setup()
    assert (data.title, data.shape, data.classes) == (original.name, (3, 32, 32), original.classes)
    assert (data.pool.images == original.test_images).all()
    assert data.pool.labels.tolist() == original.test_labels and list(data.class_names) == original.names
    train = build(original.name, root=str(original.root), split="train")
    train.setup()
    assert train.size_of_pool == original.train_count and train.fingerprint != data.fingerprint


def test_a_truncated_batch_is_named_and_never_unpickled(build, original: Original) -> None:
    path = original.folder / original.test
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError) as caught:
        build(original.name, root=str(original.root)).setup()
    assert str(caught.value) == (
        f"{path}: is truncated or corrupt (1000 bytes, MD5 differs from the published one); "
        f"delete it and run: leakbench prepare {original.name}"
    )


def test_absence_names_the_command_the_archive_and_the_folder(build, original: Original) -> None:
    (original.folder / original.test).unlink()
    data = build(original.name, root=str(original.root))
    assert data.missing() == [original.test]
    with pytest.raises(UserError) as caught:
        data.setup()
    assert str(caught.value) == (
        f"data '{original.name}' is not in {original.folder}; run: leakbench prepare {original.name}, "
        f"or unpack {original.reader.filename} in {original.root}"
    )


def pack(original: Original, archive: Path) -> str:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(original.folder, arcname=original.reader.base_folder)
    return hashlib.md5(archive.read_bytes()).hexdigest()


def test_prepare_downloads_and_unpacks(build, original: Original, served, tmp_path: Path, monkeypatch) -> None:
    folder, address = served
    monkeypatch.setattr(original.reader, "tgz_md5", pack(original, folder / original.reader.filename))
    monkeypatch.setattr(original.reader, "url", address + original.reader.filename)
    data = build(original.name)
    data.prepare()
    data.setup()
    assert data.pool.labels.tolist() == original.test_labels


def test_an_archive_put_there_by_hand_needs_no_network(
    build, original: Original, tmp_path: Path, monkeypatch, closed_port: int
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(original.reader, "tgz_md5", pack(original, tmp_path / "empty" / original.reader.filename))
    monkeypatch.setattr(original.reader, "url", f"http://127.0.0.1:{closed_port}/x")
    data = build(original.name)
    data.prepare()
    data.setup()
    assert data.size_of_pool == len(original.test_labels)


def test_prepare_without_a_network_is_one_line(build, original: Original, monkeypatch, closed_port: int) -> None:
    monkeypatch.setattr(original.reader, "url", f"http://127.0.0.1:{closed_port}/x")
    words = (
        rf"^data '{original.name}' could not be fetched \(.*refused.*\); unpack {original.reader.filename} in .*empty$"
    )
    with pytest.raises(UserError, match=words):
        build(original.name).prepare()
