"""A grid of cells on the command line: a leaderboard per results folder, and a code that says if a cell failed."""

from pathlib import Path

import pytest

from bench.cli.suite import answer
from bench.errors import UserError
from bench.running import suite
from bench.running.suite import Suite

SMALL = ["data.victims=1", "data.set=mnist", "logger=none", "metric=mse", "attack=noise"]


def planned(*roots: str) -> list[suite.Planned]:
    return suite.planned(Suite(grid=[[f"results={root}" for root in roots]]), "mine", SMALL)


def test_each_results_folder_gets_its_leaderboard(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown: list[str] = []
    code, document = answer("mine", planned("a", "b"), lambda made: shown.append(made.text), pytest.fail)
    assert code == 0 and len(shown) == 2 and {"a/leaderboard.md", "b/leaderboard.md"} <= set(document["files"])


def test_a_process_that_does_not_talk_writes_no_leaderboard(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, document = answer("mine", planned("a"), None, pytest.fail)
    assert document["files"] == [] and not Path("a/leaderboard.md").exists()


def test_a_folder_that_cannot_be_written_is_told_before_any_cell_runs(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b").write_text("in the way")
    with pytest.raises(UserError, match="cannot write b"):
        answer("mine", planned("a", "b"), None, pytest.fail)
    assert list(Path("a").rglob("cell.json")) == []
