"""The offline run that a real cell left, opened with W&B's own reader."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import page_cells
import page_sentences
import pytest
from oracle_attack import run
from page_cells import Kind
from PIL import Image
from processes import Leakbench

from bench.config.compose import compose
from bench.errors import UserError
from bench.host import signals
from bench.loggers import told_run
from bench.loggers.base import run_of
from bench.loggers.content import content
from bench.loggers.offline_run import settled_fault
from bench.loggers.wandb import Wandb
from bench.report.page import write
from bench.results import query, store
from bench.results.stored_training import StoredTraining
from bench.results.summary import summary
from bench.results.training_summary import summarise
from bench.running.cell import run_cell

DOCS = Path(__file__).parents[2] / "docs" / "wandb.md"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real cell through the command line, with an empty home and no key."""
    folder = tmp_path_factory.mktemp("wandb")
    home = folder / "home"
    home.mkdir()
    environment = {name: None for name in os.environ if name.startswith("WANDB_")} | {"HOME": str(home)}
    overrides = ["attack=idlg", "attack.evaluations=30", "data.victims=3", "logger=wandb", f"results={folder / 'r'}"]
    overrides += ["metric=mse", "engine.threads=1", "engine.compile=false"]
    process = Leakbench(["run", *overrides], folder / "log", environment)
    assert process.wait(300) == 0, process.err
    assert not list(home.rglob("*wandb*")), "W&B wrote outside the results folder"
    return folder / "r"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stored cells of every kind, told by the logger, and their board."""
    root = tmp_path_factory.mktemp("told")
    page_cells.add(root, Kind("idlg", "mnist"), 1, victims=3)
    page_cells.add_sentences(root, "tag", 2, (0, 2, 5, 9))
    for number, (name, node, steps, accuracy) in enumerate(page_cells.DEFENSES[1:3]):
        page_cells.add(root, Kind("dlg", "cifar100", name, steps=steps, node=node), 3 + number, victims=2)
        page_cells.add_training(root, Kind("dlg", "cifar100", name, node=node), 8 + number, accuracy)
    logger = Wandb("offline", "leakbench", None, pictures=True)
    told_of = [(cell, summary(cell)) for cell in query.cells(root).cells]
    training = store.cells(root, StoredTraining)[0][0]
    row = {**training.runs()[0], "slowdown": 1.5, "epsilon": 3.0, "delta": 1e-5}
    for number in range(3):  # the summary has the epsilon of the first run
        training.append({name: value for name, value in row.items() if name != "stored"} | {"run": number})
    told_of.append((training, summarise(training)))
    for cell, document in told_of:
        logger.open(run_of(cell, root, "many"))
        logger.finish(cell, document)
    logger.board(root, "many", write(root))
    return root


def records(results: Path) -> list[dict]:
    (file,) = results.glob("wandb/offline-run-*/*.wandb")
    return read(file)


@functools.cache  # W&B's reader takes seconds
def read(file: Path) -> list[dict]:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def summary_of(found: list[dict]) -> dict:
    kept: dict = {}
    for record in found:
        if record["type"] == "summary":
            kept |= record["summary"]["update"]
    return kept


def test_config_objective_and_summary_are_in_the_run(results: Path) -> None:
    found = records(results)
    (run,) = (r["run"] for r in found if r["type"] == "run" and "attack" in r["run"]["config"]["update"])
    config = run["config"]["update"]
    assert config["attack"]["_target_"] == "bench.attacks.idlg.IDLG" and config["attack"]["evaluations"] == 30
    assert (config["attack"]["name"], config["threat"]["name"]) == ("idlg (evaluations=30)", "basic")
    assert (run["job_type"], run.get("run_group")) == ("attack", None)
    assert run["tags"] == ["threat:basic", "data:samples-cifar10", "attack:idlg (evaluations=30)", "defense:none"]
    position = {kind: [place for place, r in enumerate(found) if r["type"] == kind] for kind in ("run", "history")}
    assert position["run"][0] < position["history"][0], "the config comes behind the first step"
    summary = summary_of(found)
    assert summary["count/victims"] == 3  # the count, and no table of the same name
    assert summary["table/victims._type"] == "table-file" and summary["table/victims.nrows"] == 3
    (cell,) = query.cells(results).cells
    stored = query.rows(cell).samples["mse"].to_numpy()
    assert summary["score/mse"] == pytest.approx(10 ** np.log10(stored).mean(), rel=1e-6)  # a geometric mean
    axes = {r["metric"].get("glob_name"): r["metric"].get("step_metric") for r in found if r["type"] == "metric"}
    assert (axes["objective/*"], axes["pictures/*"]) == ("evaluations", "iteration")


def test_the_quartiles_and_the_pictures_are_those_of_the_store(results: Path) -> None:
    (cell,) = query.cells(results).cells
    expected = content(cell, summary(cell))
    items = [r["history"]["item"] for r in records(results) if r["type"] == "history"]
    curve = [item for item in items if "objective/median" in item]
    assert [item["evaluations"] for item in curve] == [at for at, _ in expected.objective]
    assert [item["objective/median"] for item in curve] == pytest.approx(
        [values["objective/median"] for _, values in expected.objective]
    )
    shown = [item for item in items if "pictures/reconstruction.count" in item]
    assert [item["iteration"] for item in shown] == [moment.iteration for moment in expected.pictures.moments]
    (run,) = results.glob("wandb/offline-run-*")
    last = [Image.open(run / "files" / name) for name in shown[-1]["pictures/reconstruction.filenames"]]
    for image, stored in zip(last, query.images(cell)):
        pixels = np.asarray(image, np.float32) / 255
        assert np.abs(pixels - stored.guess[0].transpose(1, 2, 0).astype(np.float32)).max() <= 0.51 / 255 + 1e-3


def test_the_table_holds_truth_and_reconstruction_images(results: Path) -> None:
    """The images of the table, decoded, equal those of the store to half a gray level and its half precision."""
    artifacts = [r["artifact"] for r in records(results) if r["type"] == "artifact"]
    (artifact,) = (found for found in artifacts if found["type"] == "run_table")
    paths = {entry["path"]: Path(entry["local_path"]) for entry in artifact["manifest"]["contents"]}
    assert all(results in path.parents for path in paths.values()), "a file of the run lies outside the results folder"
    table = json.loads(paths["table/victims.table.json"].read_text())
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


@pytest.mark.slow
def test_the_documented_keys_are_those_that_are_written(told: Path) -> None:
    """Both ways: no key without a line in docs/wandb.md, and no line without a key."""
    rows = [line.split("|")[1] for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    documented = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    metrics = {metric for cell in query.cells(told).cells for metric in cell.facts["metrics"]}
    metrics |= {"label_accuracy", "label_overlap"}  # follow from the labels
    spelled = {key.replace("METRIC", metric) for key in documented for metric in metrics}
    written = set().union(*(told_run.read(file).keys for file in told.glob("wandb/offline-run-*/*.wandb")))
    assert len(documented) > 30 and written <= spelled, f"not documented: {sorted(written - spelled)}"
    silent = {key for key in documented if "METRIC" not in key} - written
    assert not silent, f"not written: {sorted(silent)}"
    for key in documented - {key for key in documented if "METRIC" not in key}:
        assert {key.replace("METRIC", metric) for metric in metrics} & written, f"not written: {key}"


def test_one_suite_is_one_group_of_cells_and_a_board(told: Path) -> None:
    found = [told_run.read(file) for file in told.glob("wandb/offline-run-*/*.wandb")]
    assert {run.group for run in found} == {"many"} and all(run.ended for run in found)
    assert sorted(run.job for run in found) == ["attack"] * 4 + ["board", "training"]


@pytest.mark.slow
def test_a_cell_that_is_extended_stays_one_run(tmp_path: Path) -> None:
    """Both offline runs in the folder have the cell's identity for their id, and the later one tells of all victims."""
    overrides = ["attack=mean", "data.set=mnist", "metric=mse", "logger=wandb", f"results={tmp_path}"]
    for victims in (2, 4):
        run_cell(compose([*overrides, f"data.victims={victims}"]))
    (cell,) = query.cells(tmp_path).cells
    files = sorted(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    told = [(run.identity, run.summary["count/victims"]) for run in map(told_run.read, files)]
    assert told == [(cell.identity, 2), (cell.identity, 4)]


@pytest.mark.slow
def test_without_pictures_nothing_private_is_written(tmp_path: Path) -> None:
    """Neither as files nor as words, in the runs of cells of images and of sentences, and in the board."""
    root = tmp_path / "r"
    cells = [
        page_cells.add(root, Kind("idlg", "mnist"), 1, victims=2),
        page_cells.add_sentences(root, "dlg", 2, [0, 12]),
    ]
    logger = Wandb("offline", "leakbench", None, pictures=False)
    for cell in cells:
        logger.open(run_of(cell, root, "s"))
        logger.finish(cell, summary(cell))
    logger.board(root, "s", write(root))
    told = [path for path in (root / "wandb").rglob("*") if path.is_file()]
    assert len(told) > 20 and not [path for path in told if path.suffix in (".png", ".safetensors")]
    for path in told:
        content = path.read_bytes()
        assert not any(sentence.encode() in content for sentence in page_sentences.SENTENCES), path
        assert b"data:image" not in content, path


@pytest.mark.slow
def test_sentences_are_told_in_words(tmp_path: Path) -> None:
    """Of the victims whose words are stored; the others have their scores."""
    run(tmp_path / "r", "data.victims=3", "data.batch_size=2", "report.images=2", "logger=wandb")
    (cell,) = query.cells(tmp_path / "r").cells
    (path,) = tmp_path.rglob("files/media/table/table/victims_*.json")
    table = json.loads(path.read_text())
    rows = [dict(zip(table["columns"], row)) for row in table["data"]]
    stored = {(one.victim, one.position): one for one in query.sentences(cell)}
    assert len(rows) == 6 and len(stored) == 4
    for row in rows:
        one = stored.get((row["victim"], row["position"]))
        assert (row["truth"], row["reconstruction"]) == ((one.truth, one.guess) if one else (None, None))
        assert row["rouge_1"] > 0.8


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_has_an_end(number: int, code: int, tmp_path: Path) -> None:
    words = ["run", "attack=dlg", "data.set=mnist", "data.victims=60", "attack.evaluations=100000", "metric=mse"]
    words += ["engine.compile=false", "engine.threads=1", "trainer=cpu", f"results={tmp_path / 'r'}"]
    process = Leakbench(words, tmp_path / "log")
    deadline = time.monotonic() + 90
    while process.running and time.monotonic() < deadline:
        if any(path.stat().st_size for path in tmp_path.glob("r/wandb/offline-run-*/*.wandb")):
            break
        time.sleep(0.05)
    time.sleep(0.5)
    sent = time.monotonic()
    process.send(number)
    assert process.wait(30) == code, process.err
    (file,) = tmp_path.glob("r/wandb/offline-run-*/*.wandb")
    if time.monotonic() - sent < signals.GRACE:  # on a machine that is busier, the process is ended without cleaning up
        assert settled_fault(file) is None  # another process writes it, and may do so for longer than ours lives
    assert not told_run.read(file).ended


@pytest.mark.parametrize(("mode", "says"), [("onlin", "offline, online, disabled"), ("online", "needs a key")])
def test_mistakes_are_named_before_anything_runs(mode: str, says: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(UserError, match=says):
        Wandb(mode, "leakbench", None, pictures=True)
