"""`leakbench show`: a cell in words and as JSON."""

import json
from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.cli.main import main


def test_in_words_without_colours_in_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    add_cell(tmp_path, "dlg", [1e-4] * 2, images=True)
    assert main(["show", "dlg", "--results", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "attack" in out and "2 victims: the budget" in out and "▀" not in out


def test_as_json(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-4] * 2)
    assert main(["show", cell.identity, "--results", str(tmp_path), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["identity"] == cell.identity


@pytest.mark.parametrize("words", [["mean"], ["dlg", "--victims", "-1"]])
def test_a_mistake_is_one_line(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    add_cell(tmp_path, "dlg", [1e-4])
    assert main(["show", *words, "--results", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
