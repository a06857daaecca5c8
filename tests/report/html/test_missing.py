"""A cell that a suite planned does not vanish from the page because it was never begun."""

from pathlib import Path
from typing import Any

import pytest
from shared_cells import cell_with

from bench.report.html.missing import missing, unfinished
from bench.results import plans, query
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining


def planned(attack: str) -> dict[str, Any]:
    """The config of a cell that is not stored."""
    names = {"attack": attack, "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}
    return {"seed": 0, "attack": {"x": attack}, "data": {"victims": 2}, "names": names}


def suites(root: Path) -> list[tuple[str, str]]:
    return [(one["suite"], one["attack"]) for one in missing(root, query.cells(root).cells)]


def test_what_was_begun_is_not_missing(tmp_path: Path) -> None:
    plans.write(tmp_path, "mine", [(StoredLeak, planned("tag")), (StoredLeak, planned("idlg"))])
    (tmp_path / "cells").mkdir()
    assert suites(tmp_path) == [("mine", "tag"), ("mine", "idlg")]
    cell_with(tmp_path, {0: 0.1}, config=planned("tag"))
    assert suites(tmp_path) == [("mine", "idlg")]


def test_a_cell_of_two_suites_is_missing_once_and_a_training_is_no_row(tmp_path: Path) -> None:
    plans.write(tmp_path, "first", [(StoredLeak, planned("tag"))])
    training = {**planned("dlg"), "training": {"runs": 2}}
    training["names"] = {**training["names"], "training": "held_out"}
    plans.write(tmp_path, "second", [(StoredLeak, planned("tag")), (StoredTraining, training)])
    (only,) = missing(tmp_path, [])
    assert only["attack"] == "tag" and only["suite"] in ("first", "second")
    assert only.keys() == {"suite", "attack", "data", "model", "defense", "threat"}


def test_without_a_plan_nothing_is_missing(tmp_path: Path) -> None:
    assert missing(tmp_path, []) == []


@pytest.mark.parametrize(
    ("config", "stored", "words"),
    [
        ({"data": {"victims": 3}}, 2, "2 of 3 victims are stored; the same command goes on from there"),
        ({"data": {"victims": 3}}, 0, "0 of 3 victims are stored; the same command goes on from there"),
        ({"data": {"victims": 3}}, 3, ""),
        ({"data": {"victims": 3}}, 5, ""),
        ({}, 0, ""),
    ],
    ids=["some", "none", "all", "more", "not known"],
)
def test_what_a_cell_lacks(tmp_path: Path, config: dict[str, Any], stored: int, words: str) -> None:
    assert unfinished(cell_with(tmp_path, {0: 0.1}, config=config), stored) == words
