"""`leakbench compare`: two cells named as a person would name them, in words and as JSON."""

import json
from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.cli.main import main


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add_cell(tmp_path, "dlg", [1e-4] * 8)
    add_cell(tmp_path, "idlg", [1e-2] * 8)
    return tmp_path


def test_in_words(root: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", "dlg", "idlg", "--results", str(root)]) == 0
    out = capsys.readouterr().out
    assert "PSNR (dB)" in out and "0.00781" in out and "8 victims in common" in out


def test_as_json(root: Path, capfd: pytest.CaptureFixture) -> None:
    assert main(["compare", "dlg", "idlg", "--results", str(root), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["victims"] == {"common": 8, "first": 8, "second": 8}
    psnr = document["metrics"]["psnr"]
    assert (psnr["difference"], psnr["p"], psnr["better"]) == (pytest.approx(20), 2 / 256, "up")


def test_a_mistake_is_one_line(root: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", "dlg", "idgl", "--results", str(root)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
