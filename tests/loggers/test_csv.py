"""A CSV file tells the same figures as the store, of images and of sentences."""

import csv
from pathlib import Path

import pytest
from oracle_attack import MOMENTS, run
from PIL import Image

from bench.config.compose import compose
from bench.loggers.base import Run
from bench.loggers.csv import Csv
from bench.running.cell import run_cell

QUICK = [
    "attack=idlg",
    "attack.evaluations=10",
    "data.set=mnist",
    "data.victims=2",
    "metric=mse",
    "engine.threads=1",
    "executor.workers=1",
]


@pytest.mark.slow
def test_a_real_cell_is_told_of(tmp_path: Path) -> None:
    document = run_cell(compose(["logger=csv", *QUICK, f"results={tmp_path}"]))
    (path,) = tmp_path.glob("csv/*/version_0/metrics.csv")
    rows = list(csv.DictReader(path.open()))
    told = [float(row["score/mse"]) for row in rows if row.get("score/mse")]
    assert document["victims"] == 2 and told == [pytest.approx(document["mse"]["mean"])]
    assert sum(bool(row["objective/median"]) for row in rows) >= 5
    shown = sorted(path.relative_to(tmp_path / "csv").parts[2:] for path in tmp_path.rglob("csv/**/*.png"))
    assert {parts[:2] for parts in shown} == {("pictures", "truth"), ("pictures", "reconstruction")}
    (truth,) = tmp_path.rglob("csv/**/truth/*.png")
    assert Image.open(truth).size == (2 * 28, 28)  # two victims, one image each


@pytest.mark.slow
def test_a_cell_of_sentences_is_told_of(tmp_path: Path) -> None:
    """There are no pictures and no rates of pixels; curves and scores there are."""
    document = run(tmp_path / "r", "logger=csv", "data.victims=2")
    (path,) = tmp_path.glob("r/csv/*/version_0/metrics.csv")
    rows = list(csv.DictReader(path.open()))
    told = [float(row["score/rouge_1"]) for row in rows if row.get("score/rouge_1")]
    assert told == [pytest.approx(document["rouge_1"]["mean"])] and "score/mse" not in rows[0]
    assert sum(bool(row["objective/median"]) for row in rows) == len(MOMENTS)


@pytest.mark.slow
def test_pictures_are_left_out_on_demand(tmp_path: Path) -> None:
    run_cell(compose(["logger=csv", "logger.pictures=false", *QUICK, f"results={tmp_path}"]))
    assert list(tmp_path.rglob("metrics.csv")) and not list(tmp_path.rglob("*.png"))


def test_each_run_of_a_cell_has_a_version_of_its_own(tmp_path: Path) -> None:
    for version in range(2):
        Csv(pictures=True).open(Run(tmp_path, "idlg", "0" * 16, None, {}))
        assert (tmp_path / "csv" / "idlg" / f"version_{version}").is_dir()
