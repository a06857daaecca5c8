"""Cells written by hand, and what they hold as rows, so that a merge has a known answer."""

from pathlib import Path
from typing import Any

import numpy as np

from bench.cli.main import main
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

LABELS = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}
IDENTITY = "0123456789abcdef"


def cell_with(root: Path, scores: dict[int, float], status: str = "budget", **facts: Any) -> StoredLeak:
    """A cell with one append: these victims, one picture each, with their MSE."""
    config = {"seed": 0, "data": {"victims": max(scores, default=-1) + 1}}
    metrics = {"mse": {"identity": "a" * 16}}
    cell = Store(root).cell(
        StoredLeak, "dlg-mnist-lenet", IDENTITY, {"labels": LABELS, "config": config, "metrics": metrics, **facts}
    )
    ids = np.array(sorted(scores))
    pictures = np.zeros((len(ids), 1, 1, 4, 4), np.float32)
    failed = status in ("error", "out_of_memory")
    cell.append(
        [{"victim": v, "status": status, "batch_size": 1} for v in sorted(scores)],
        []
        if failed
        else [
            {"victim": v, "position": 0, "sample": 10 + v, "label": 1, "label_guess": 1, "mse": scores[v]}
            for v in sorted(scores)
        ],
        None if failed else {"ids": ids, "truth": pictures, "guess": pictures},
        None if failed else {"ids": ids, "inputs": pictures, "labels": np.ones((len(ids), 1), np.int64)},
    )
    return cell


def run_small(*overrides: str) -> None:
    """Runs a control on two victims, within a second."""
    small = ["data.victims=2", "data.set=mnist", "logger=none", "metric=mse", "attack=noise"]
    assert main(["run", *small, *overrides]) == 0


def scores_in(root: Path) -> dict[int, float]:
    """`{victim: MSE}` of the one cell in a results folder."""
    (cell,) = query.cells(root).cells
    found = query.rows(cell)
    assert not found.warnings
    return dict(zip(found.samples["victim"].to_pylist(), found.samples["mse"].to_pylist()))


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
