"""Protects: `leakbench export` says what it wrote and that it is private, and refuses in one line."""

import json
from pathlib import Path

import pytest
from shared_cells import run_small

from bench.cli.main import main


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    run_small("results=here")
    capfd.readouterr()


@pytest.mark.usefixtures("_here")
def test_an_entry_is_counted_and_its_private_data_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "here", "-o", "entry.zip"]) == 0
    out, err = capfd.readouterr()
    assert "1 cell," in out and "contains private data" in err and err.count("\n") == 1


@pytest.mark.usefixtures("_here")
def test_without_pictures_nothing_is_said_of_private_data(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "here", "-o", "entry.zip", "--no-pictures", "--json"]) == 0
    out, err = capfd.readouterr()
    assert "private" not in err and json.loads(out)["pictures"] is False


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("export here", "needs a file: -o entry.zip"),
        ("export -o entry.zip", "needs a CELL"),
        ("export nowhere -o entry.zip", "nowhere holds no cell"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    line: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and sentence in err and list(tmp_path.iterdir()) == []
