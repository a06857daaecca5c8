"""Trainings that a suite runs first: their weights reach the cells, and a failed one leaves a reason in their rows."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import own_suites
import pytest

from bench.config.compose import compose
from bench.errors import UserError
from bench.results.kinds import KINDS
from bench.results.store import Store, cells
from bench.results.stored_cell import StoredCell
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining, awaited
from bench.running.suite_trainings import forget_awaited, weights_of
from bench.storage.hashing import sha256

FILE = """# weights of a network before and after an epoch
overrides: [data=samples, data.set=mnist, data.victims=2, logger=none, metric=mse, model=lenet5, trainer=cpu]
trainings:
  net: training=held_out training.train=12 training.test=6 training.batch_size=4 training.epochs=1 training.runs=1
       training.checkpoints=[0,1]
grid:
  - - model.per_victim=false model.checkpoint=training:net:0
    - model.per_victim=false model.checkpoint=training:net:1
  - [attack=noise]
also: [measure=labels labels=ilrg model.per_victim=false model.checkpoint=training:net:1]
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    monkeypatch.chdir(tmp_path)

    def run(*overrides: str, code: int = 0) -> dict[str, Any]:
        local = ["results=out", "executor.workers=1", "engine.threads=1"]
        ended, found = own_suites.run(FILE, *local, *overrides)
        assert ended == code and isinstance(found, dict)
        return found

    return run


@pytest.mark.slow
def test_the_cells_use_the_weights_and_nothing_is_computed_twice(run: Callable[..., dict[str, Any]]) -> None:
    found = run()
    assert len(found["cells"]) == 4 and not found["failed"]
    (training,), _ = cells(Path("out"), StoredTraining)
    hashes = {epoch: sha256(training.checkpoint(0, int(epoch))) for epoch in "01"}
    own = [*cells(Path("out"), StoredLeak)[0], *cells(Path("out"), StoredLabels)[0]]
    used = [(cell.facts["config"]["model"]["checkpoint"], cell.facts["contents"]["checkpoint"]) for cell in own]
    assert sorted(used) == [(f"epoch_{epoch}.safetensors", hashes[epoch]) for epoch in "011"]
    names = {cell.facts["labels"]["model"] for cell in own}
    assert names == {f"lenet5 (per_victim=false, checkpoint=epoch_{epoch}.safetensors)" for epoch in hashes}
    written = {path: path.stat().st_mtime_ns for path in Path("out/cells").rglob("*") if path.is_file()}
    run()
    assert written == {path: path.stat().st_mtime_ns for path in Path("out/cells").rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_diverged_training_leaves_its_reason_in_the_rows_of_its_cells(run: Callable[..., dict[str, Any]]) -> None:
    found = run("training.lr=1e38", code=1)
    assert len(found["cells"]) == 2  # the training, and the cell of epoch 0
    assert set(found["failed"].values()) == {"training net diverged before epoch 1, so it has no weights"}
    (training,), _ = cells(Path("out"), StoredTraining)
    failed = [cell for cell in cells(Path("out"), StoredLeak)[0] if cell.failure]
    assert [cell.failure.reason for cell in failed if cell.failure] == list(found["failed"].values())[:1]
    shutil.copy(training.checkpoint(0, 0), training.checkpoint(0, 1))  # as if the weights had been stored after all
    assert not run("training.lr=1e38")["failed"]
    own = [*cells(Path("out"), StoredLeak)[0], *cells(Path("out"), StoredLabels)[0]]
    assert not any(cell.failure for cell in own) and {len(cell.done()) for cell in own} == {2}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not StoredTraining])
def test_the_record_of_a_cell_that_waited_for_weights_goes_when_they_are_there(
    tmp_path: Path, kind: type[StoredCell]
) -> None:
    names = dict.fromkeys(("attack", "data", "model", "defense", "threat", "training"), "x")
    config: dict[str, Any] = {"seed": 0, "attack": {}, "data": {}, "model": {}, "defense": {}, "training": {"runs": 1}}
    training = Store(tmp_path).cell(StoredTraining, "x", "1" * 16, {"labels": names, "config": config})
    path = training.checkpoint(0, 1)
    facts = {"labels": names, "config": config, "contents": {"checkpoint": awaited(path)}}
    waiting = Store(tmp_path).cell(kind, "x", "2" * 16, facts)
    forget_awaited(tmp_path)
    assert waiting.folder.is_dir()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    forget_awaited(tmp_path)
    assert not waiting.folder.is_dir() and training.folder.is_dir()


@pytest.mark.slow
def test_a_training_that_cannot_run_leaves_its_reason_too(run: Callable[..., dict[str, Any]]) -> None:
    found = run("training.train=19", code=1)
    reason = "training.train=19, training.test=6: data 'samples-mnist' has only 20 images"
    assert found["failed"].pop("training net") == reason
    assert set(found["failed"].values()) == {f"training net has no weights: {reason}"} and len(found["failed"]) == 3
    assert len([cell for cell in cells(Path("out"), StoredLeak)[0] if cell.failure]) == 2


@pytest.mark.slow
def test_each_setting_of_a_training_has_cells_of_its_own_and_each_attack_shares_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def count(*overrides: str) -> tuple[int, int]:
        found = own_suites.planned(FILE, "results=out", *overrides)
        return len([cell for cell in found if cell.first]), len({str(cell.config.model.checkpoint) for cell in found})

    assert count("training.lr=0.1,0.2") == (2, 5)
    assert count("model.checkpoint=null", "model.per_victim=true") == (0, 1)  # no weights are used: no training


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("training:other:0", "no training 'other'; there are net"),
        ("training:net:7", r"training 'net' stores no weights of epoch 7 \(training.checkpoints=\[0, 1\]\)"),
    ],
)
def test_weights_that_no_training_stores_are_refused(word: str, sentence: str) -> None:
    training = compose(["training=held_out", "training.checkpoints=[0,1]"])
    cell = compose([f"model.checkpoint={word}", "model.per_victim=false"])
    with pytest.raises(UserError, match=sentence):
        weights_of(cell, {"net": training})
    assert weights_of(compose([]), {"net": training}) is None
