"""`leakbench train`: a price through the command line, on MNIST's test split."""

import csv
import gzip
import json

import pytest
from opacus.accountants import RDPAccountant

from bench.cli.main import main
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak
from bench.results.stored_limits import StoredLimits
from bench.results.stored_training import StoredTraining
from bench.running import suite
from bench.running.kind import kind_of
from bench.training.checkpoints import read

SMALL = ["training.train=600", "training.test=200", "training.epochs=2", "training.runs=1", "training.batch_size=20"]
MODEL = ["model.activation=tanh", "model.init_range=null", "trainer=cpu", "engine.threads=1"]


@pytest.fixture(scope="module")
def root(shared_data, tmp_path_factory):
    """A folder of data sets with MNIST's test split in torchvision's layout."""
    folder = tmp_path_factory.mktemp("data")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in (shared_data / "raw" / "mnist").glob("*.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    return folder


@pytest.fixture(scope="module")
def few(root, tmp_path_factory):
    """The first 1,000 images of the split, in the same layout."""
    folder = tmp_path_factory.mktemp("few")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path, header, size in ((*root.rglob("*images-idx3*"), 16, 28 * 28), (*root.rglob("*labels-idx1*"), 8, 1)):
        content = path.read_bytes()
        count = (1000).to_bytes(4, "big")
        (raw / path.name).write_bytes(content[:4] + count + content[8 : header + 1000 * size])
    return folder


@pytest.fixture
def train(few, tmp_path, capfd):
    def run(*overrides, code=0):
        where = ["data=mnist", f"paths.data={few}", f"results={tmp_path / 'out'}"]
        assert main(["train", *where, *SMALL, *MODEL, "--json", *overrides]) == code
        out, err = capfd.readouterr()
        return json.loads(out) if code == 0 else err

    return run


def test_a_classifier_learns_and_a_finished_run_is_not_trained_again(train, tmp_path):
    first = train()
    assert first["accuracy"]["mean"] > 0.6 and first["accuracy"]["n"] == 200  # chance is 0.1
    assert first["runs"] == 1 and first["steps"] == 60 and first["seconds_per_step"] > 0 and first["epsilon"] is None
    assert (first["optimiser"], first["lr"], first["momentum"], first["batch_size"]) == ("SGD", 0.1, 0.0, 20)
    (part,) = (tmp_path / "out").glob("cells/training-*/parts/*.parquet")
    stamp = part.stat().st_mtime_ns
    more = train("training.runs=2")
    assert more["runs"] == 2 and part.stat().st_mtime_ns == stamp and more["over_runs"]["low"] is not None
    assert len(list((tmp_path / "out").glob("cells/training-*"))) == 1


@pytest.mark.slow
def test_dp_sgd_says_epsilon_of_the_whole_training_under_poisson_sampling(train):
    found = train("defense=dp_sgd", "training.epochs=1")
    accountant = RDPAccountant()
    accountant.history = [(1.0, 20 / 600, 30)]
    assert found["epsilon"] == pytest.approx(accountant.get_epsilon(1e-5)) and found["delta"] == 1e-5
    assert found["sampling"] == "poisson"


@pytest.mark.slow
def test_batch_norm_is_trained_and_tested_with_its_running_statistics(train):
    norm = ["model=resnet20", "model.blocks=1", "model.width=4", "model.activation=relu"]
    found = train(*norm, "training.batch_size=10", "training.epochs=2", "training.lr=0.2")
    assert found["accuracy"]["mean"] > 0.3  # chance is 0.1, four standard errors of 200 images 0.08
    error = train(*norm, "defense=dp_sgd", code=2)
    assert "BatchNorm" in error


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.train=900", "data 'mnist' has only 1000 images"),
        ("data=samples", "has only 20 images"),
        ("training.lr=-1", "training: lr=-1.0: must be > 0"),
        ("training=heldout", "did you mean 'held_out'"),
        ("training.epoch=3", "did you mean 'training.epochs'"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(train, tmp_path, override, sentence):
    error = train(override, code=2)
    assert sentence in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_a_defence_costs_on_sentences_is_not_measured_and_that_is_one_line(capfd, tmp_path):
    assert main(["train", "data=sentences", "attack=noise", "logger=none", f"results={tmp_path / 'out'}"]) == 2
    error = capfd.readouterr().err
    assert "data 'sentences' holds sentences: `leakbench train` trains classifiers of images" in error
    assert error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_run_does_not_train(capfd, tmp_path):
    assert main(["run", "training=held_out", f"results={tmp_path / 'out'}"]) == 2
    assert "leakbench train" in capfd.readouterr().err


@pytest.mark.slow
def test_weights_are_stored_at_the_epochs_asked_for_and_a_run_without_them_is_trained_again(train, tmp_path):
    brief = ("training.train=400", "training.epochs=1")
    train(*brief)
    found = train(*brief, "training.checkpoints=[0,1]")  # the same cell: checkpoints change no number
    (folder,) = (tmp_path / "out").glob("cells/training-*")
    assert found["checkpoints"] == [f"checkpoints/run0/epoch_{epoch}.safetensors" for epoch in (0, 1)]
    assert found["runs"] == 1 and len(list(folder.glob("parts/*.parquet"))) == 2
    said = [read(folder / name) for name in found["checkpoints"]]
    assert said[1]["accuracy"] == found["accuracy"]["mean"] > said[0]["accuracy"]
    train(*brief, "training.checkpoints=[0,1]")
    assert len(list(folder.glob("parts/*.parquet"))) == 2  # nothing was left to do
    weights = f"model.checkpoint={folder / found['checkpoints'][1]}"
    again = train(*brief, weights, "model.per_victim=false", "training.lr=1e-30")
    assert again["accuracy"] == found["accuracy"] and again["checkpoints"] == []


SUITE = """# two defences, an attack and a control on each other, and what they cost
overrides: [data=mnist, data.victims=3, logger=none, metric=mse, engine.threads=1, executor.workers=1, trainer=cpu]
grid:
  - [defense=none, defense=gaussian defense.std=1.0]
  - [attack=idlg attack.evaluations=300]
also: [attack=mean]
utility:
  - training=held_out training.train=300 training.test=100 training.runs=1 training.epochs=2
  - model.activation=tanh
"""


@pytest.mark.slow
def test_a_suite_joins_what_leaks_with_what_it_costs(root, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "suite").mkdir(parents=True)
    (tmp_path / "own" / "suite" / "mine.yaml").write_text(SUITE)
    assert main(["suite", "mine", "--config-dir", "own", f"paths.data={root}", "results=out"]) == 0
    printed = capfd.readouterr().out
    assert "Defences on mnist" in printed and "accuracy" in printed
    lines = {row["defense"]: row for row in csv.DictReader((tmp_path / "out" / "defenses.csv").open())}
    assert float(lines["none"]["success_1e-2"]) == 1.0 and float(lines["gaussian (std=1.0)"]["success_1e-2"]) == 0.0
    assert lines["gaussian (std=1.0)"]["rank"] == "1"
    assert float(lines["none"]["accuracy"]) > float(lines["gaussian (std=1.0)"]["accuracy"])
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        "pareto-mnist.png",
        "strengths-idlg-evaluations-300-mnist.png",
    }


@pytest.mark.slow
def test_defenses_has_twenty_two_points_five_attacks_two_label_rules_a_limit_a_line_up_and_a_price_each(root):
    cells = [cell.config for cell in suite.plan("defenses", [f"paths.data={root}"])]
    leaks = [cfg for cfg in cells if kind_of(cfg) is StoredLeak and not cfg.attack.control]
    points = {cfg.names.defense for cfg in leaks}
    assert len(points) == 22 and len(leaks) == 22 * 5 + 3 and {cfg.data.victims for cfg in leaks} == {16}
    kinds = (StoredLimits, StoredIdentification, StoredTraining)
    beside = [[cfg for cfg in cells if kind_of(cfg) is kind] for kind in kinds]
    assert [len(found) for found in beside] == [22, 22, 22]
    assert all({cfg.names.defense for cfg in found} == points for found in beside)
    rules = [(cfg.names.defense, cfg.names.attack) for cfg in cells if kind_of(cfg) is StoredLabels]
    alone = {("label_smoothing", "soft"), ("censor (trials=2)", "censor")}
    assert (
        len(rules) == 22 * 2 + 2
        and set(rules) == {(point, rule) for point in points for rule in ("bias", "sign")} | alone
    )
    prices = beside[-1]
    assert {(cfg.training.epochs, cfg.training.runs) for cfg in prices} == {(5, 2)}


@pytest.mark.slow
def test_the_baseline_reaches_94_per_cent(root, tmp_path, capfd):
    model = ["model.activation=tanh", "model.init_range=null"]
    where = ["data=mnist", f"paths.data={root}", f"results={tmp_path}", "trainer=cpu"]
    assert main(["train", *where, *model, "training.runs=1", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["accuracy"]["mean"] >= 0.94
