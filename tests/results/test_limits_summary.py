"""The document of limits: figures that a person can compute, and none where a victim is not determined."""

from pathlib import Path
from typing import Any

import pytest
from limit_rows import hidden_row, limit_row

from bench.results.limits_summary import summarise
from bench.results.store import Store
from bench.results.stored_limits import StoredLimits

NAMES = {"data": "mnist", "model": "lenet", "defense": "gaussian"}
CONFIG = {"data": {"victims": 4, "batch_size": 1, "label_rule": "random"}, "model": {}, "seed": 0}


def summary_of(root: Path, *rows: dict[str, Any]) -> dict[str, Any]:
    cell = Store(root).cell(StoredLimits, "x", "0" * 16, {"labels": NAMES, "config": CONFIG})
    cell.append(rows)
    return summarise(cell)


def test_a_limit_is_the_mean_over_victims_in_decibels(tmp_path: Path) -> None:
    found = summary_of(tmp_path, limit_row(0, 1e-2), limit_row(1, 1e-4, condition=7.0, mean_mse=3e-2))
    assert found["limit_psnr"]["mean"] == pytest.approx(30.0)
    assert found["limit_mse"] == pytest.approx({"median": 5.05e-3, "low": 1e-4, "high": 1e-2})
    assert found["condition"] == {"median": 6.0, "low": 5.0, "high": 7.0}
    assert (found["determined"]["mean"], found["mean_mse"], found["informative"]) == (1.0, pytest.approx(2e-2), 0.5)
    assert (found["entries"], found["shared"], found["std"], found["reasons"]) == (16, 40, 0.1, {})


def test_a_hidden_direction_of_one_victim_leaves_no_limit_and_a_reason(tmp_path: Path) -> None:
    found = summary_of(tmp_path, limit_row(0), hidden_row(1))
    assert found["determined"]["mean"] == 0.5 and found["jacobian_rank"] == {"median": 14.0, "low": 12, "high": 16}
    assert found["limit_psnr"] is found["limit_mse"] is found["informative"] is None
    assert found["reasons"] == {"limit_mse": "not every victim is determined"}


def test_without_noise_there_is_no_limit_and_without_a_public_mean_no_comparison(tmp_path: Path) -> None:
    found = summary_of(tmp_path / "a", limit_row(0, None))
    assert found["reasons"] == {"limit_mse": "the defence adds no noise last"} and found["limit_psnr"] is None
    found = summary_of(tmp_path / "b", limit_row(0, mean_mse=None))
    assert found["informative"] is found["mean_mse"] is None and found["limit_psnr"]["mean"] == pytest.approx(30.0)


def test_a_victim_that_failed_is_counted_and_has_no_figure(tmp_path: Path) -> None:
    lost = dict.fromkeys(("jacobian_rank", "condition", "limit_mse", "bayesian_mse"))
    found = summary_of(tmp_path, limit_row(0, 1e-2), limit_row(1, status="nonfinite", reason="no SVD", **lost))
    assert found["failures"] == 1 and found["victims"] == 2 and found["determined"]["n"] == 1
    assert found["limit_psnr"]["mean"] == pytest.approx(20.0)
    assert found["bayesian_psnr"]["mean"] == pytest.approx(23.0, abs=0.02)  # half the error is 3.01 dB more


def test_a_cell_without_rows_says_why(tmp_path: Path) -> None:
    cell = Store(tmp_path).cell(StoredLimits, "x", "0" * 16, {"labels": NAMES, "config": CONFIG})
    cell.fail("not_applicable", "defense Int8 rounds")
    found = summarise(cell)
    assert found["reasons"] == {"cell": "not_applicable: defense Int8 rounds"} and found["determined"] is None
    assert found["entries"] is found["limit_psnr"] is found["seconds_per_victim"] is None
