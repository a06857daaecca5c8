"""Attacks on time series through the command line, on a small set in files, and the report on them."""

import json

import pytest
from series_files import write_toy

from bench.cli.main import main

QUICK = ["data=series", "data.set=toy", "data.victims=3", "data.batch_size=2", "threat=labels_known"]
QUICK += ["engine.threads=1", "engine.compile=false", "logger=none"]


@pytest.mark.slow
def test_series_are_attacked_scored_and_reported(tmp_path, monkeypatch, capfd):
    write_toy(tmp_path / "data", monkeypatch)
    words = [*QUICK, f"paths.data={tmp_path / 'data'}", f"results={tmp_path / 'out'}"]
    errors = {}
    for attack in (["dlg"], ["tsinverse", "attack.evaluations=300"], ["mean"], ["noise"]):
        capfd.readouterr()
        assert main(["run", *words, f"attack={attack[0]}", *attack[1:], "--json"]) == 0
        errors[attack[0]] = json.loads(capfd.readouterr().out)["series_error"]["mean"]
    assert max(errors["dlg"], errors["tsinverse"]) < errors["mean"] < errors["noise"]
    assert main(["report", f"{tmp_path / 'out'}"]) == 0
    board = (tmp_path / "out" / "leaderboard.md").read_text()
    assert "## Series, threat model: labels" in board and "relative error, geometric mean" in board
    assert "correlation, mean" in board
    told = (tmp_path / "out" / "sentences.md").read_text()
    assert "| victim 0, 1 of 2 | series |" in told and "channel 1 of 2: " in told


@pytest.mark.slow
def test_an_attack_on_images_is_refused_and_so_are_rows_by_a_model_of_series(tmp_path, monkeypatch, capfd):
    write_toy(tmp_path / "data", monkeypatch)
    words = [*QUICK, f"paths.data={tmp_path / 'data'}", f"results={tmp_path / 'out'}"]
    assert main(["run", *words, "attack=inverting_gradients"]) == 2
    assert "the prior TotalVariation, which is not for series" in capfd.readouterr().err
    rows = ["data=table", "model=lenet_series", f"results={tmp_path / 'out'}"]
    assert main(["run", *rows]) == 2
    assert "want series of C channels and T times (data=series)" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
