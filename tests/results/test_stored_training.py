"""Trainings on disk: what makes one, rows that survive anything but their own corruption."""

import json

import pytest

from bench.results import store
from bench.results.identity import training_identity
from bench.results.store import Store
from bench.results.stored_training import StoredTraining
from bench.results.training_summary import summarise

CONFIG = {
    "attack": {"lr": 1},
    "threat": {"letter": "B"},
    "metric": {},
    "names": {"model": "lenet"},
    "engine": {"chunk": None, "tf32": False},
    "data": {"name": "mnist", "split": "test", "victims": 8, "batch_size": 1, "seed": 0, "root": "/a"},
    "model": {"width": 12},
    "defense": {"version": 1},
    "training": {"lr": 0.1, "runs": 2},
    "seed": 0,
    "results": "results",
}
FACTS = {"labels": {"data": "mnist", "model": "lenet", "defense": "none", "training": "held_out"}, "config": CONFIG}
ROW = {"run": 0, "status": "trained", "correct": 95, "tested": 100, "steps": 10, "seconds": 2.0, "bytes_per_step": 40}


def changed(**groups):
    return {**CONFIG, **{group: {**CONFIG[group], **values} for group, values in groups.items()}}


@pytest.mark.parametrize(
    "same",
    [
        {"training": {"runs": 5}},
        {"attack": {"lr": 2}},
        {"threat": {"letter": "A"}},
        {"data": {"victims": 9, "root": "/b", "batch_size": 4}},
        {"engine": {"chunk": 4}},
    ],
)
def test_what_a_training_does_not_look_at_makes_no_other_training(same):
    assert training_identity(changed(**same), {}) == training_identity(CONFIG, {})


@pytest.mark.parametrize(
    "other",
    [
        {"training": {"lr": 0.2}},
        {"model": {"width": 6}},
        {"defense": {"std": 1.0}},
        {"data": {"split": "train"}},
        {"engine": {"tf32": True}},
    ],
)
def test_what_can_change_an_accuracy_makes_another(other):
    assert training_identity(changed(**other), {}) != training_identity(CONFIG, {})
    assert training_identity(CONFIG, {"data": "other pixels"}) != training_identity(CONFIG, {})
    assert training_identity({**CONFIG, "seed": 1}, {}) != training_identity(CONFIG, {})


def test_rows_come_back_the_latest_of_a_run_and_a_corrupt_part_is_done_again(tmp_path):
    cell = Store(tmp_path).cell(StoredTraining, "none-mnist", "0" * 16, FACTS)
    cell.append(ROW)
    cell.append({**ROW, "run": 1, "correct": 90})
    cell.append({**ROW, "correct": 97})
    assert [(row["run"], row["correct"]) for row in cell.runs()] == [(0, 97), (1, 90)]
    (part,) = cell.parts.glob("run1-*")
    part.write_bytes(part.read_bytes()[:40])
    (again,), warnings = store.cells(tmp_path, StoredTraining)
    assert [row["run"] for row in again.runs()] == [0] and not warnings
    assert Store(tmp_path).cell(StoredTraining, "another name", "0" * 16, FACTS).folder == cell.folder


def test_a_row_that_is_none_is_refused(tmp_path):
    cell = Store(tmp_path).cell(StoredTraining, "none-mnist", "0" * 16, FACTS)
    with pytest.raises(ValueError, match="unknown columns: colour"):
        cell.append({**ROW, "colour": "red"})
    with pytest.raises(ValueError, match="lacks tested"):
        cell.append({key: value for key, value in ROW.items() if key != "tested"})


def test_a_failure_is_on_record_until_a_run_succeeds(tmp_path):
    cell = Store(tmp_path).cell(StoredTraining, "none-mnist", "0" * 16, FACTS)
    cell.fail("not_applicable", "BatchNorm mixes samples")
    document = summarise(cell)
    assert document["reasons"] == {"cell": "not_applicable: BatchNorm mixes samples"} and document["accuracy"] is None
    cell.append(ROW)
    cell.complete()
    assert cell.failure is None and summarise(cell)["accuracy"]["mean"] == 0.95


def test_what_is_no_training_is_named(tmp_path):
    Store(tmp_path).cell(StoredTraining, "none-mnist", "0" * 16, FACTS)
    stray = tmp_path / "cells" / "training-stray"
    stray.mkdir()
    (stray / "cell.json").write_text(json.dumps({"schema": 99}))
    found, warnings = store.cells(tmp_path, StoredTraining)
    assert len(found) == 1 and len(warnings) == 1 and "it has schema 99" in warnings[0]
