"""CSV and TensorBoard tell the same figures as the store."""

import csv
from pathlib import Path

import pytest
from oracle_attack import MOMENTS, run

from bench.config.compose import compose
from bench.running.cell import run_cell


@pytest.mark.parametrize("logger", ["csv", "tensorboard", "none"])
def test_a_real_cell_is_told_of(logger: str, tmp_path: Path) -> None:
    document = run_cell(
        compose([f"logger={logger}", "attack.evaluations=10", "data.victims=2", f"results={tmp_path}", "attack=idlg"])
    )
    assert document["victims"] == 2
    if logger == "csv":
        (path,) = tmp_path.glob("csv/*/version_0/metrics.csv")
        rows = list(csv.DictReader(path.open()))
        told = [float(row["mse"]) for row in rows if row.get("mse")]
        assert told == [pytest.approx(document["mse"]["mean"])]
        assert sum(bool(row["objective/victim_0"]) for row in rows) >= 5
    elif logger == "tensorboard":
        accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
        (path,) = tmp_path.glob("tensorboard/*/version_0")
        events = accumulator.EventAccumulator(str(path)).Reload()
        assert events.Scalars("mse")[-1].value == pytest.approx(document["mse"]["mean"], rel=1e-6)
    else:
        assert sorted(p.name for p in tmp_path.iterdir()) == ["cells"]


@pytest.mark.parametrize("logger", ["csv", "tensorboard"])
def test_a_cell_of_sentences_is_told_of(logger: str, tmp_path: Path) -> None:
    """There are no pictures and no rates of pixels; curves and scores there are."""
    document = run(tmp_path / "r", f"logger={logger}", "data.victims=2")
    if logger == "csv":
        (path,) = tmp_path.glob("r/csv/*/version_0/metrics.csv")
        rows = list(csv.DictReader(path.open()))
        told = [float(row["rouge_1"]) for row in rows if row.get("rouge_1")]
        assert told == [pytest.approx(document["rouge_1"]["mean"])] and "mse" not in rows[0]
        assert sum(bool(row["objective/victim_1"]) for row in rows) == len(MOMENTS)
    else:
        accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
        (path,) = tmp_path.glob("r/tensorboard/*/version_0")
        events = accumulator.EventAccumulator(str(path)).Reload()
        assert events.Scalars("exact_match")[-1].value == pytest.approx(document["exact_match"]["mean"], rel=1e-6)
