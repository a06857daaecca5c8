"""The line-ups beside a defence are those of the attacked victims and of the same model."""

from pathlib import Path
from typing import Any

from line_up_rows import line_up_row

from bench.results.join import boards
from bench.results.query import cells
from bench.results.store import Store
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_leak import StoredLeak

NODES: dict[str, dict[str, Any]] = {"none": {}, "gaussian": {"_target_": "g", "std": 0.1}}


def facts(defense: str, **config: Any) -> dict[str, Any]:
    names = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": defense, "threat": "basic"}
    whole = {"attack": {}, "model": {}, "data": {"victims": 3}, "seed": 0, "defense": NODES[defense], **config}
    return {"labels": names, "config": whole, "control": False}


def attacked(root: Path, number: int, defense: str) -> None:
    victims = [{"victim": v, "status": "budget", "batch_size": 1} for v in range(3)]
    samples = [
        {"victim": v, "position": 0, "sample": v, "label": 0, "label_guess": 0, "mse": 0.1 * (v + 1)} for v in range(3)
    ]
    Store(root).cell(StoredLeak, "dlg", f"{number:016x}", facts(defense)).append(victims, samples)


def line_ups(root: Path, number: int, defense: str, **config: Any) -> StoredIdentification:
    cell = Store(root).cell(StoredIdentification, defense, f"{number:016x}", facts(defense, **config))
    cell.append([line_up_row(victim, 1.0 if victim < 3 else 0.0) for victim in range(5)])  # two were never attacked
    return cell


def test_each_defence_has_the_line_ups_of_its_own_victims_and_model(tmp_path: Path) -> None:
    attacked(tmp_path, 0, "none")
    attacked(tmp_path, 1, "gaussian")
    found = [line_ups(tmp_path, 2, "gaussian"), line_ups(tmp_path, 3, "none", model={"width": 3})]
    (board,) = boards(cells(tmp_path).cells, [], line_ups=found)
    beside = {line.family: line.identification for line in board.lines}
    assert beside["none"] is None and beside["gaussian"] is not None
    assert (beside["gaussian"]["victims"], beside["gaussian"]["picked"]["mean"]) == (3, 1.0)
