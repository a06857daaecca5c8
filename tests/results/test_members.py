"""Whose claims an ensemble returned is stored per victim, counted, and told; rows without it are read as before."""

import json
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.config.compose import compose
from bench.report.notes import notes
from bench.report.rows import read
from bench.results import parts, query
from bench.results.members import members
from bench.running.cell import run_cell

CELL = ("attack=strongest", "data.set=mnist", "data.size=8", "model.width=3", "metric=mse", "logger=none")
CELL += ("trainer=cpu", "engine.threads=1", "engine.compile=false", "data.victims=2")


def victim(number: int, **more: str) -> dict:
    return {"victim": number, "status": "budget", "batch_size": 1, **more}


def sample(number: int) -> dict:
    return {"victim": number, "position": 0, "sample": 0, "label": 0, "label_guess": 0, "mse": 0.5}


def test_a_run_stores_them_and_the_tables_tell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_cell(compose([*CELL, f"results={tmp_path}"]))
    (cell,) = query.cells(tmp_path).cells
    row = read(cell, query.rows(cell))
    assert row.members == {"spectrum": 2} == members(row.stored)
    assert parts.stored(cell.parts) == {0, 1}  # footers with the column are still enough
    assert any("the attacker chose: spectrum 2." in note for note in notes([row], [row], []))
    capfd.readouterr()
    assert main(["show", cell.identity, "--results", str(tmp_path), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["members"] == {"spectrum": 2}


def test_parts_with_and_without_the_column_are_read_together(tmp_path: Path) -> None:
    parts.write(tmp_path, [victim(0)], [sample(0)], None)
    parts.write(tmp_path, [victim(1, member="angle")], [sample(1)], None)
    parts.write(tmp_path, [victim(2, member="angle", sources="{}"), victim(3)], [sample(2), sample(3)], None)
    victims, samples = query.chosen(parts.read(tmp_path))
    assert victims["member"].to_pylist() == [None, "angle", "angle", None]
    assert members(query.Rows(victims, samples, [])) == {"angle": 2}
    assert parts.stored(tmp_path) == {0, 1, 2, 3}


def test_an_attack_that_is_no_ensemble_has_none(tmp_path: Path) -> None:
    parts.write(tmp_path, [victim(0)], [sample(0)], None)
    assert members(query.Rows(*query.chosen(parts.read(tmp_path)), [])) == {}
