"""Rows written by hand, so that what is read back and summed up has known answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from metric_facts import metric_columns

from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


def victim(number: int, **changes: Any) -> dict[str, Any]:
    row = {"victim": number, "status": "converged", "objective": 1e-6, "iterations": 30, "evaluations": 40}
    return {**row, "seconds": 0.25, "repeats": 0, "batch_size": 1, "device": "cpu", **changes}


def sample(number: int, position: int = 0, **changes: Any) -> dict[str, Any]:
    row = {"victim": number, "position": position, "sample": 100 + number, "label": 3, "label_guess": 3}
    return {**row, "mse": 1e-5, **changes}


def facts(**more: Any) -> dict[str, Any]:
    words = {"attack": "idlg", "data": "cifar10", "model": "lenet", "defense": "none", "threat": "B"}
    return {"labels": words, "config": {"seed": 0}, "metrics": metric_columns(), **more}


@pytest.fixture
def rows() -> tuple[Callable[..., dict[str, Any]], Callable[..., dict[str, Any]]]:
    """`(victim, sample)`: one row each, with changes."""
    return victim, sample


@pytest.fixture
def make_cell(tmp_path: Path) -> Callable[..., StoredLeak]:
    """A fresh cell in `tmp_path`, with further facts."""
    return lambda identity="0123456789abcdef", **more: Store(tmp_path).cell(
        StoredLeak, "idlg-cifar10", identity, facts(**more)
    )
