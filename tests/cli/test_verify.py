"""Protects: what `leakbench verify` takes, and that a training is told and left out."""

from pathlib import Path

import pytest

from bench.cli.main import main


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("verify", "takes cells, results folders, or one entry"),
        ("verify nowhere", "nowhere holds no cell"),
        ("verify here --victims 0", "--victims must be >= 1"),
        ("verify here --tolerance 1", "--tolerance a share from 0 to below 1"),
        ("verify trainer=cpu", "takes cells, results folders, or one entry"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    line: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and sentence in err and list(tmp_path.iterdir()) == []
