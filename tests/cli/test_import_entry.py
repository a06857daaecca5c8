"""Protects: a row that `leakbench import` brings is claimed until it is verified, and mistakes are one line."""

from pathlib import Path

import pytest
from shared_cells import run_small

from bench.cli.main import main
from bench.results import query, verification


@pytest.mark.slow
def test_an_entry_goes_to_another_folder_and_its_row_is_claimed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_small("results=here")
    assert main(["export", "here", "-o", "entry.zip"]) == 0
    assert main(["import", "entry.zip", "there"]) == 0
    (cell,) = query.cells(tmp_path / "there").cells
    assert verification.mark(cell.folder) == verification.CLAIMED and len(query.rows(cell).victims) == 2
    assert main(["report", "there"]) == 0
    assert "Rows claimed: " in Path("there", "leaderboard.md").read_text()
    assert main(["report", "here"]) == 0
    assert "Rows claimed" not in Path("here", "leaderboard.md").read_text()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("import", "takes an entry and a folder"),
        ("import a b c", "takes an entry and a folder"),
        ("import nothing.zip", "nothing.zip is refused: No such file"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    line: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and sentence in err and list(tmp_path.iterdir()) == []
