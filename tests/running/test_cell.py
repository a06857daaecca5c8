"""A training has what an attack has, because both are cells: one folder, a status, a logger, and units that stay."""

import csv
import json
import signal

import pytest

from bench.cli import status
from bench.cli.main import main
from bench.config.compose import compose
from bench.host import signals
from bench.results import store
from bench.results.stored_training import StoredTraining
from bench.running import training_cell
from bench.running.cell import cell_of, missing, record_failure, run_cell

# 20 images of the samples: 12 to train on, 8 to test on
TRAINING = ["training=held_out", "training.train=12", "training.test=8", "training.batch_size=4", "training.epochs=1"]
CELL = [*TRAINING, "data=samples", "data.set=mnist", "trainer=cpu", "engine.threads=1", "training.runs=2"]


def trainings(root):
    return store.cells(root, StoredTraining)[0]


@pytest.fixture
def train(tmp_path, capfd):
    def run(*words, code=0, logger="none"):
        where = [f"results={tmp_path}", f"logger={logger}"]
        assert main(["train", *CELL, *where, *words, "--json"]) == code
        return json.loads(capfd.readouterr().out)

    return run


def test_a_failed_training_and_its_later_success_are_one_cell(train, tmp_path):
    cfg = compose([*CELL, f"results={tmp_path}"])
    record_failure(cfg, "error", "the lights went out")
    (failed,) = trainings(tmp_path)
    assert failed.failure is not None and failed.failure.reason == "the lights went out"
    assert train()["reasons"] == {}
    (done,) = trainings(tmp_path)
    assert done.folder == failed.folder and done.failure is None and done.done() == {0, 1}


@pytest.mark.slow
def test_identity_needs_no_model_and_is_the_one_that_a_built_cell_has(tmp_path):
    for words in (CELL, ["attack=idlg", "data=samples", "data.set=mnist", "data.victims=2", "metric=mse"]):
        cfg = compose([*words, f"results={tmp_path}", "logger=none"])
        before, built = cell_of(cfg), cell_of(cfg)
        built.build()
        assert before.identify() == built.identify()


@pytest.mark.slow
def test_a_training_that_is_asked_to_leave_keeps_its_runs_and_goes_on(train, tmp_path, monkeypatch):
    """Asked in the midst of the second run: the first is stored, and only the second is trained again."""
    real, trained = training_cell.train, []

    def second_is_interrupted(cfg, parts, stored, run):
        trained.append(run)
        if trained == [0, 1]:
            signal.raise_signal(signal.SIGTERM)
        return real(cfg, parts, stored, run)

    monkeypatch.setattr(training_cell, "train", second_is_interrupted)
    with pytest.raises(signals.Interrupted), signals.listening(pytest.fail):
        run_cell(compose([*CELL, f"results={tmp_path}", "logger=none"]))
    (cell,) = trainings(tmp_path)
    assert cell.done() == {0}
    assert train()["runs"] == 2 and trained == [0, 1, 1]


@pytest.mark.slow
def test_status_counts_runs_beside_victims(train, tmp_path, capfd):
    train()
    found = status.look(tmp_path)
    (cell,) = found.cells
    assert (cell.kind, cell.state, cell.done, cell.wanted) == ("training", "done", 2, 2)
    assert found.document()["runs"] == {"done": 2, "wanted": 2}
    assert "runs: 2 of 2" in status.sentence(found)


@pytest.mark.slow
def test_a_logger_is_told_of_a_training(train, tmp_path):
    accuracy = train(logger="csv")["accuracy"]["mean"]
    (file,) = tmp_path.rglob("metrics.csv")
    rows = list(csv.DictReader(file.open()))
    assert float(rows[-1]["score/accuracy"]) == pytest.approx(accuracy)
    assert train(logger="csv")["runs"] == 2  # nothing is trained, and nobody is told, once more
    assert len(list(tmp_path.rglob("metrics.csv"))) == 1


def test_two_trainings_of_one_cell_do_not_work_at_a_time(train, tmp_path):
    train("training.runs=1")
    (cell,) = trainings(tmp_path)
    assert (cell.folder / ".lock").exists()


def test_the_units_of_a_new_cell_are_no_list() -> None:
    """Ten million of them took a gigabyte before the first ran; of a cell with some units the others are left."""

    class Stored:
        def __init__(self, units: set[int]) -> None:
            self.units = units

        def done(self) -> set[int]:
            return self.units

    class Wanted:
        wanted = 10_000_000

        def done(self, stored: Stored) -> set[int]:
            return stored.done()

    assert missing(Wanted(), Stored(set())) == range(10_000_000)  # type: ignore[arg-type]
    Wanted.wanted = 5
    assert missing(Wanted(), Stored({1, 3, 9})) == [0, 2, 4]  # type: ignore[arg-type]
