"""The offline run that a real cell left, opened with W&B's own reader."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracle_attack import run
from PIL import Image

from bench.config.compose import compose
from bench.errors import UserError
from bench.loggers.wandb import Wandb, table_of
from bench.results import query
from bench.running.cell import run_cell


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real cell through the command line, with an empty home and no key."""
    folder = tmp_path_factory.mktemp("wandb")
    home = folder / "home"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")} | {"HOME": str(home)}
    overrides = ["attack=idlg", "attack.evaluations=30", "data.victims=3", "logger=wandb", f"results={folder / 'r'}"]
    command = [sys.executable, "-m", "bench.cli", "run", *overrides]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*wandb*")), "W&B wrote outside the results folder"
    return folder / "r"


def records(results: Path) -> list[dict]:
    (file,) = results.glob("wandb/offline-run-*/*.wandb")
    return read(file)


def read(file: Path) -> list[dict]:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_config_curves_and_summary_are_in_the_run(results: Path) -> None:
    found = records(results)
    (run,) = (r["run"] for r in found if r["type"] == "run" and "attack" in r["run"]["config"]["update"])
    assert run["config"]["update"]["attack"]["_target_"] == "bench.attacks.idlg.IDLG"
    summary: dict = {}
    for record in found:
        if record["type"] == "summary":
            summary |= record["summary"]["update"]
    assert summary["victims"] == 3  # the count, and no table of the same name
    assert summary["table/examples._type"] == "table-file" and summary["table/examples.nrows"] == 3
    (cell,) = query.cells(results).cells
    stored = query.rows(cell).samples["mse"].to_numpy()
    assert summary["mse"] == pytest.approx(10 ** np.log10(stored).mean(), rel=1e-6)  # a geometric mean
    logged = {key for r in found if r["type"] == "history" for key in r["history"]["item"] if key[0] != "_"}
    kinds = {key.partition(".")[0].partition("/victim")[0] for key in logged}
    assert kinds <= {"iteration", "objective", "table/examples", "trainer/global_step"}  # a score stands in the summary
    curve = [json.dumps(r) for r in found if r["type"] == "history"]
    assert sum("objective/victim_2" in line for line in curve) >= 10


def test_the_table_holds_truth_and_reconstruction_images(results: Path) -> None:
    """The images of the table, decoded, equal those of the store to half a gray level and its half precision."""
    (artifact,) = (r["artifact"] for r in records(results) if r["type"] == "artifact")
    paths = {entry["path"]: Path(entry["local_path"]) for entry in artifact["manifest"]["contents"]}
    assert all(results in path.parents for path in paths.values()), "a file of the run lies outside the results folder"
    table = json.loads(paths["table/examples.table.json"].read_text())
    columns = table["columns"]
    assert len(table["data"]) == 3
    (cell,) = query.cells(results).cells
    stored = {one.victim: one for one in query.images(cell)}
    for row in table["data"]:
        named = dict(zip(columns, row))
        for column, attribute in (("truth", "truth"), ("reconstruction", "guess")):
            decoded = np.asarray(Image.open(paths[named[column]["path"]]), dtype=np.float32) / 255
            expected = getattr(stored[named["victim"]], attribute)[named["position"]].transpose(1, 2, 0)
            assert np.abs(decoded - expected.astype(np.float32)).max() <= 0.51 / 255 + 1e-3
        assert named["status"] == "budget"
        assert isinstance(named["mse"], float)


def test_the_table_of_sentences_holds_truth_and_reconstruction_in_words(tmp_path: Path) -> None:
    """Of the victims whose words are stored; the others have their scores."""
    run(tmp_path / "r", "data.victims=3", "data.batch_size=2", "report.images=2")
    (cell,) = query.cells(tmp_path / "r").cells
    table = table_of(cell)
    rows = [dict(zip(table.columns, row)) for row in table.data]
    stored = {(one.victim, one.position): one for one in query.sentences(cell)}
    assert len(rows) == 6 and len(stored) == 4
    for row in rows:
        one = stored.get((row["victim"], row["position"]))
        assert (row["truth"], row["reconstruction"]) == ((one.truth, one.guess) if one else (None, None))
        assert row["rouge_1"] > 0.8


def test_a_cell_that_is_extended_stays_one_run(tmp_path: Path) -> None:
    """Both offline runs in the folder have the cell's identity for their id, and the later one tells of all victims."""
    overrides = ["attack=mean", "data.set=mnist", "metric=mse", "logger=wandb", f"results={tmp_path}"]
    for victims in (2, 4):
        run_cell(compose([*overrides, f"data.victims={victims}"]))
    (cell,) = query.cells(tmp_path).cells
    files = sorted(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    told = []
    for file in files:
        found = read(file)
        ids = {r["run"]["run_id"] for r in found if r["type"] == "run"}
        summaries = [r["summary"]["update"].get("victims") for r in found if r["type"] == "summary"]
        told.append((ids, [count for count in summaries if count]))
    assert told == [({cell.identity}, [2]), ({cell.identity}, [4])]


@pytest.mark.parametrize(("mode", "says"), [("onlin", "offline, online, disabled"), ("online", "needs a key")])
def test_mistakes_are_named_before_anything_runs(mode: str, says: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(UserError, match=says):
        Wandb(mode, "leakbench", None)
