"""Protects: a grid of cells leaves a leaderboard per results folder, and runs nothing if one cannot be written."""

import shutil
from pathlib import Path

import pytest

from bench.cli import grid
from bench.errors import UserError
from bench.loggers import told_run
from bench.running import suite
from bench.running.suite_file import Suite

SMALL = ["data.victims=1", "data.set=mnist", "logger=none", "metric=mse", "attack=noise"]


def planned(*roots: str) -> list[suite.Planned]:
    return suite.planned(Suite(grid=[[f"results={root}" for root in roots]]), "mine", SMALL)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_each_results_folder_gets_its_leaderboard() -> None:
    code, document = grid.run_or_show("mine", planned("a", "b"), only_config=False)
    assert code == 0 and {"a/leaderboard.md", "b/leaderboard.md"} <= set(document["files"])


def test_a_process_that_does_not_talk_writes_no_leaderboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    _, document = grid.run_or_show("mine", planned("a"), only_config=False)
    assert document["files"] == [] and not Path("a/leaderboard.md").exists()


def test_a_folder_that_cannot_be_written_is_told_before_any_cell_runs() -> None:
    Path("b").write_text("in the way")
    with pytest.raises(UserError, match="cannot write b"):
        grid.run_or_show("mine", planned("a", "b"), only_config=False)
    assert list(Path("a").rglob("cell.json")) == []


def test_the_configs_of_a_grid_are_printed_and_nothing_is_run(capfd: pytest.CaptureFixture[str]) -> None:
    code, _ = grid.run_or_show("mine", planned("a", "b"), only_config=True)
    out = capfd.readouterr().out
    assert code == 0 and "results: a\n" in out and "results: b\n" in out and list(Path().iterdir()) == []


@pytest.mark.slow
def test_a_grid_ends_with_one_board_in_the_group_of_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call with nothing to do tells nothing; a process that does not talk tells nothing either."""
    words = [word for word in SMALL if word != "logger=none"]
    cells = suite.planned(Suite(grid=[["seed=0", "seed=1"]]), "mine", [*words, "results=a", "logger.mode=offline"])

    def boards() -> list[str]:
        runs = [told_run.read(file) for file in sorted(Path("a").glob("wandb/offline-run-*/*.wandb"))]
        assert {run.group for run in runs} <= {"mine"}
        return sorted(run.job for run in runs)

    for _ in range(2):
        assert grid.run_or_show("mine", cells, only_config=False)[0] == 0
        assert boards() == ["attack", "attack", "board"]
    shutil.rmtree("a/wandb")
    monkeypatch.setenv("LOCAL_RANK", "1")
    grid.run_or_show("mine", cells, only_config=False)
    assert boards() == []
