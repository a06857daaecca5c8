"""Export, import and merge on the command line: what is printed, what is refused, and the warning of private data."""

import json

import pytest

from bench.cli.main import main
from bench.results import query, verification

SMALL = ["data.victims=2", "data.set=mnist", "logger=none", "metric=mse", "attack=noise"]


@pytest.fixture
def here(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["run", *SMALL, "results=here"]) == 0
    capfd.readouterr()
    return tmp_path


def test_an_entry_goes_to_another_folder_and_its_row_is_claimed_there(here, capfd) -> None:
    assert main(["export", "here", "-o", "entry.zip"]) == 0
    out, err = capfd.readouterr()
    assert "1 cell," in out and "contains private data" in err and err.count("\n") == 1
    assert main(["import", "entry.zip", "there"]) == 0
    (cell,) = query.cells(here / "there").cells
    assert verification.mark(cell.folder) == verification.CLAIMED and len(query.rows(cell).victims) == 2
    assert main(["report", "there"]) == 0
    assert "Rows claimed: " in (here / "there" / "leaderboard.md").read_text()
    assert main(["report", "here"]) == 0
    assert "Rows claimed" not in (here / "here" / "leaderboard.md").read_text()


def test_without_pictures_nothing_is_said_of_private_data(here, capfd) -> None:
    assert main(["export", "here", "-o", "entry.zip", "--no-pictures", "--json"]) == 0
    out, err = capfd.readouterr()
    assert "private" not in err and json.loads(out)["pictures"] is False


def test_two_folders_are_merged_into_a_third(here, capfd) -> None:
    assert main(["run", *SMALL, "seed=1", "results=there"]) == 0
    capfd.readouterr()
    assert main(["merge", "here", "there", "-o", "both", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"cells": 2, "new": 2, "units": 0, "notes": [], "results": "both"}
    assert main(["report", "both", "--json"]) == 0
    assert len(json.loads(capfd.readouterr().out)) == 2


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("export here", "needs a file: -o entry.zip"),
        ("export -o entry.zip", "needs a CELL"),
        ("export nowhere -o entry.zip", "nowhere holds no cell"),
        ("import", "takes an entry and a folder"),
        ("import a b c", "takes an entry and a folder"),
        ("import nothing.zip", "nothing.zip is refused: No such file"),
        ("merge here", "takes several results folders"),
        ("merge here nowhere -o out", "here holds no cell"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(line, sentence, tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and sentence in err and list(tmp_path.iterdir()) == []
