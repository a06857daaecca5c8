"""Limits on disk: a row whose numbers cannot be true together is read by nobody."""

from pathlib import Path
from typing import Any

import pytest
from limit_rows import hidden_row, limit_row

from bench.results.store import Store
from bench.results.stored_limits import StoredLimits

NAMES = {"data": "mnist", "model": "lenet", "defense": "none"}
CONFIG = {"data": {"victims": 3, "batch_size": 1}, "model": {}, "seed": 0}


def opened(root: Path) -> StoredLimits:
    return Store(root).cell(StoredLimits, "none-mnist-lenet", "0" * 16, {"labels": NAMES, "config": CONFIG})


def test_rows_with_a_limit_without_noise_with_hidden_directions_and_of_a_failure_come_back(tmp_path: Path) -> None:
    cell = opened(tmp_path)
    lost = dict.fromkeys(("jacobian_rank", "condition", "limit_mse", "bayesian_mse"))
    failed = limit_row(3, status="nonfinite", reason="no SVD", **lost)
    cell.append([limit_row(0), limit_row(1, None), hidden_row(2), failed])
    assert [row["limit_mse"] for row in cell.rows()] == [1e-3, None, None, None]
    assert [row["jacobian_rank"] for row in cell.rows()] == [16, 16, 12, None]
    assert cell.done() == {0, 1, 2, 3} and cell.wanted(CONFIG) == 3 and not cell.foreign()


@pytest.mark.parametrize(
    "wrong",
    [
        {"jacobian_rank": 17},
        {"jacobian_rank": 12},  # with a condition
        {"condition": None},
        {"condition": float("inf")},
        {"limit_mse": None},  # with noise, and determined
        {"limit_mse": -1.0},
        {"limit_mse": float("nan")},
        {"bayesian_mse": None},  # with noise
        {"bayesian_mse": -1.0},
        {"std": None},  # with a limit
        {"jacobian_rank": None},
        {"entries": None},
    ],
)
def test_numbers_that_cannot_be_true_together_are_read_by_nobody(tmp_path: Path, wrong: dict[str, Any]) -> None:
    cell = opened(tmp_path)
    cell.append([limit_row(0) | wrong])
    assert cell.rows() == [] and len(cell.foreign()) == 1
