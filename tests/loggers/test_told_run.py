"""What is read from the file of an offline run is what W&B's own reader finds in it."""

import json
import subprocess
import sys
from pathlib import Path

import page_cells
import pytest
from page_cells import Kind

from bench.loggers.base import run_of
from bench.loggers.content import content
from bench.loggers.told_run import read
from bench.loggers.wandb import Wandb
from bench.results.summary import summary


def test_keys_rows_and_images_are_those_that_were_told(tmp_path: Path) -> None:
    cell = page_cells.add(tmp_path, Kind("idlg", "mnist", batch=2), 1, victims=3, shown=2)
    logger = Wandb("offline", "leakbench", None, pictures=True)
    logger.open(run_of(cell, tmp_path, "quick"))
    logger.finish(cell, summary(cell))
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    told, expected = read(file), content(cell, summary(cell))
    assert (told.identity, told.group, told.job, told.ended) == (cell.identity, "quick", "attack", True)
    assert (told.rows, told.images) == (6, expected.images)
    assert told.config["data"]["victims"] == 3 and "attack:idlg" in told.tags
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    steps = [record["history"]["item"] for record in found if record["type"] == "history"]
    assert len(steps) == len(told.history)
    for theirs, ours in zip(steps, told.history):
        assert {key.partition("._")[0].split(".")[0] for key in theirs} == set(ours)
        if "objective/median" in theirs:
            assert theirs["objective/median"] == ours["objective/median"]


def test_a_file_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wandb").write_bytes(b":W&B\x00\x00\x00")
    with pytest.raises(ValueError, match="names no run"):
        read(tmp_path / "a.wandb")
