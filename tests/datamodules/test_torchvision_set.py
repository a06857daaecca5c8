"""Files in torchvision's layout: found where they were put by hand, and compared with their published checksums."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from bench.datamodules.torchvision_set import TorchvisionSet
from bench.errors import UserError


@dataclass(eq=False, repr=False, kw_only=True)
class Two(TorchvisionSet):
    """Two files, of which one has a published checksum."""

    digest: ClassVar[str | None] = None

    def folder(self) -> Path:
        return self._root / "two"

    def files(self) -> dict[str, str | None]:
        return {f"{self.split}.bin": self.digest, "names.txt": None}

    def fetch(self) -> None:
        raise AssertionError

    def read(self):
        raise AssertionError


def two(root: Path, split: str = "test") -> Two:
    facts = {"name": "two", "victims": 1, "batch_size": 1, "seed": 0, "label_rule": "random", "labels": "own"}
    return Two(**facts, size=None, channels=None, root=str(root), split=split)


def test_files_put_there_by_hand_are_found(tmp_path: Path) -> None:
    data = two(tmp_path)
    assert data.where() == str(tmp_path / "two") and data.missing() == ["test.bin", "names.txt"]
    assert data.by_hand() == f"put test.bin, names.txt into {tmp_path / 'two'}"
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "test.bin").write_bytes(b"pixels")
    (tmp_path / "two" / "names.txt").mkdir()
    assert data.missing() == ["names.txt"]  # a folder is no file


def test_a_file_that_differs_is_named_and_one_without_a_checksum_may_be_anything(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "test.bin").write_bytes(b"pixels")
    (tmp_path / "two" / "names.txt").write_text("anything")
    monkeypatch.setattr(Two, "digest", hashlib.md5(b"pixels").hexdigest())
    two(tmp_path).check_whole()
    (tmp_path / "two" / "test.bin").write_bytes(b"pixel")
    with pytest.raises(
        UserError, match=r"test\.bin: is truncated or corrupt \(5 bytes, .*; delete it and run: leakbench"
    ):
        two(tmp_path).check_whole()


def test_a_split_is_an_official_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.split=tset: must be one of test, train; did you mean 'test'"):
        two(tmp_path, split="tset")
