"""The packaged sentences are there, and a broken installation says so."""

from pathlib import Path

import pytest

from bench.datamodules import sentences
from bench.datamodules.public_domain import packaged
from bench.errors import UserError


def test_they_are_read_from_the_package(build) -> None:
    data = build("sentences")
    assert data.missing() == [] and data.read() is packaged()
    assert Path(data.where()).parent == Path(sentences.__file__).parent


def test_a_broken_installation_is_one_sentence(build, monkeypatch, tmp_path: Path) -> None:
    data = build("sentences")
    monkeypatch.setattr(sentences, "FILE", tmp_path / "public_domain.tsv")
    assert data.missing() == ["public_domain.tsv"]
    for refused in (data.fetch, data.prepare):
        with pytest.raises(UserError, match=r"^data 'sentences' is not in .*\.tsv; install leakbench again$"):
            refused()
