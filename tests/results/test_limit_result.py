"""The limit of a defence is that of the attacked victims, and its ratio says how near the attack came."""

from pathlib import Path
from typing import Any

import pytest
from limit_rows import limit_row

from bench.results.join import boards
from bench.results.query import cells
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.results.stored_limits import StoredLimits

NODES: dict[str, dict[str, Any]] = {"none": {}, "gaussian": {"_target_": "g", "std": 0.1}}


def facts(defense: str, **config: Any) -> dict[str, Any]:
    names = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": defense, "threat": "basic"}
    whole = {"attack": {}, "model": {}, "data": {"victims": 3}, "seed": 0, "defense": NODES[defense], **config}
    return {"labels": names, "config": whole, "control": False}


def attacked(root: Path, number: int, defense: str, error: float) -> None:
    victims = [{"victim": v, "status": "budget", "batch_size": 1} for v in range(3)]
    samples = [
        {"victim": v, "position": 0, "sample": v, "label": 0, "label_guess": 0, "mse": error * (v + 1)}
        for v in range(3)
    ]
    Store(root).cell(StoredLeak, "dlg", f"{number:016x}", facts(defense)).append(victims, samples)


def limit(root: Path, number: int, defense: str, rows: list[dict[str, Any]], **config: Any) -> StoredLimits:
    cell = Store(root).cell(StoredLimits, defense, f"{number:016x}", facts(defense, **config))
    cell.append(rows)
    return cell


def board_of(root: Path, limits: list[StoredLimits]) -> dict[str, Any]:
    (board,) = boards(cells(root).cells, [], limits=limits)
    return {line.family: line.limit for line in board.lines}


def test_each_defence_has_the_limit_of_its_own_victims_and_the_median_of_their_ratios(tmp_path: Path) -> None:
    attacked(tmp_path, 0, "none", 1e-5)
    attacked(tmp_path, 1, "gaussian", 1e-3)
    rows = [limit_row(victim, 2e-3) for victim in range(5)]  # two of them were never attacked
    found = board_of(tmp_path, [limit(tmp_path, 2, "gaussian", rows)])
    assert found["none"] is None and found["gaussian"].document["victims"] == 3
    assert found["gaussian"].ratio == pytest.approx(1.0)  # of 0.5, 1 and 1.5


def test_a_limit_of_another_model_or_seed_does_not_belong_here(tmp_path: Path) -> None:
    attacked(tmp_path, 0, "none", 1e-5)
    attacked(tmp_path, 1, "gaussian", 1e-3)
    foreign = [
        limit(tmp_path, 2, "gaussian", [limit_row(0)], model={"width": 3}),
        limit(tmp_path, 3, "gaussian", [limit_row(0)], seed=1),
    ]
    assert board_of(tmp_path, foreign) == {"none": None, "gaussian": None}


def test_without_noise_there_is_no_ratio(tmp_path: Path) -> None:
    attacked(tmp_path, 0, "none", 1e-5)
    attacked(tmp_path, 1, "gaussian", 1e-3)
    found = board_of(tmp_path, [limit(tmp_path, 2, "none", [limit_row(0, None)])])
    assert found["none"].ratio is None and found["none"].document["determined"]["mean"] == 1.0
