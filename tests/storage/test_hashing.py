"""The hash of a file is the one that other programs compute."""

import subprocess
from pathlib import Path

import pytest

from bench.storage.hashing import sha256


def test_the_hash_is_that_of_the_standard(tmp_path: Path) -> None:
    """FIPS 180-4, the examples of one block and of an empty message."""
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.write_bytes(b"")
    assert sha256(path) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_large_file_has_the_hash_that_sha256sum_prints(tmp_path: Path) -> None:
    """A file of more than one buffer, with bytes that a text mode would change."""
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 2000 + b"\r\n\x1a")
    done = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True)
    assert sha256(path) == done.stdout.split()[0]


def test_no_file_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256(tmp_path / "nothing")
