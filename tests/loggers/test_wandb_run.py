"""What W&B is told of a cell before it begins, and which files an artifact holds."""

import json
from pathlib import Path

import numpy as np
import page_cells
import pytest
import wandb
from page_cells import Kind

from bench.loggers.base import run_of
from bench.loggers.wandb_run import Account, about, artifact, begun, table, tags
from bench.results.row_files import digest
from bench.results.stored_cell import ExampleTable


def test_a_cell_is_described_before_it_begins(tmp_path: Path) -> None:
    cell = page_cells.add(tmp_path, Kind("idlg", "mnist", defense="int8"), 5, victims=1)
    found = about(run_of(cell, tmp_path, "quick"), private=False)
    assert (found["id"], found["group"], found["job_type"]) == (cell.identity, "quick", "attack")
    assert found["tags"] == ["threat:basic", "data:samples-mnist", "attack:idlg", "defense:int8"]
    config = found["config"]
    assert config["attack"] == {"_target_": "bench.attacks.idlg.Attack", "name": "idlg"} and config["pictures"] is False
    assert config["defense"]["name"] == "int8" and "name" not in cell.facts["config"]["attack"]


def test_long_names_become_tags_that_wandb_takes() -> None:
    (tag,) = tags({"attack": "x" * 100, "model": "lenet", "data": ""})
    assert len(tag) == 64
    assert wandb.Settings(run_tags=(tag,)).run_tags == (tag,)
    with pytest.raises(ValueError, match="64"):
        wandb.Settings(run_tags=(tag + "x",))


@pytest.mark.slow
def test_a_run_that_the_user_has_open_stays_open(tmp_path: Path) -> None:
    """An audit in a notebook may stand beside a run of the user's own."""
    settings = wandb.Settings(silent=True, console="off")
    own = wandb.init(mode="offline", dir=str(tmp_path), project="own", settings=settings)
    try:
        run = begun(Account("offline", "leakbench", None), tmp_path / "r", name="n", id="abc")
        run.finish()
        assert wandb.run is own and run is not own
        own.log({"x": 1})
    finally:
        own.finish()


def test_an_artifact_holds_its_files_and_their_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    files = [("cells/a/cell.json", b"{}"), ("index.html", b"page")]
    made = artifact("rows", "kind", iter(files), suite="quick")
    assert made.metadata == {"sha256": digest(files), "suite": "quick"}
    held = {path: Path(entry.local_path).read_bytes() for path, entry in made.manifest.entries.items()}
    assert held == dict(files)
    assert all(tmp_path in Path(entry.local_path).parents for entry in made.manifest.entries.values())


def test_arrays_in_a_table_are_images() -> None:
    found = table(ExampleTable(["truth", "mse"], [[np.ones((3, 2, 2)), 0.5], [None, None]]))
    assert isinstance(found.data[0][0], wandb.Image) and found.data[0][1] == 0.5
    assert found.data[1] == [None, None] and json.dumps(found.columns) == '["truth", "mse"]'
