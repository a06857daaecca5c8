"""The table of defences for a program: a line per defence and attack, with every figure of the page as a number."""

from pathlib import Path

import pytest

from bench.report import defenses_csv
from bench.results.join import boards
from bench.results.query import cells
from bench.results.store import Store
from bench.results.store import cells as stored
from bench.results.stored_training import StoredTraining

NAMES = {"data": "mnist", "model": "lenet", "threat": "basic"}


def test_an_attack_on_a_defence_is_a_line_and_what_the_defence_costs_is_in_each(tmp_path: Path, add_cell) -> None:
    config = {"seed": 0, "data": {"batch_size": 1}, "defense": {"std": 0.1}}
    names = [("none", "dlg"), ("gaussian", "dlg"), ("gaussian", "idlg")]
    for number, (defense, attack) in enumerate(names):
        labels = {**NAMES, "attack": attack, "defense": defense}
        own = {**config, "defense": {"std": 0.1} if defense == "gaussian" else {}}
        found = defense == "none"
        add_cell(tmp_path, f"{number:016x}", attack, "mnist", "mnist_", 2, trace=found, labels=labels, config=own)
    facts = {
        "labels": {**NAMES, "defense": "gaussian", "training": "held_out"},
        "config": {**config, "model": {}, "training": {}},
        "schedule": "SGD",
    }
    run = {"run": 0, "status": "trained", "correct": 900, "tested": 1000, "steps": 10, "seconds": 0.5}
    Store(tmp_path).cell(StoredTraining, "x", "f" * 16, facts).append({**run, "bytes_per_step": 64, "lr": 0.1})

    table = defenses_csv.raw(boards(cells(tmp_path).cells, stored(tmp_path, StoredTraining)[0]))
    keys = [column.key for column in table.columns]
    assert len(set(keys)) == len(keys)
    rows = [dict(zip(keys, line.cells, strict=True)) for line in table.lines]
    assert sorted((row["defense"], row["attack"]) for row in rows) == sorted(names)
    assert [row["worst"] for row in rows if row["defense"] == "none"] == [1]
    costs = [row["accuracy"] for row in rows if row["defense"] == "gaussian"]
    assert costs == [pytest.approx(0.9)] * 2 and [row["accuracy"] for row in rows if row["defense"] == "none"] == [None]
    assert sum(row["worst"] for row in rows if row["defense"] == "gaussian") == 1
