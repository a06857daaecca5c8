"""A sweep is a suite without a file: its cells are checked before one runs, and it is planned like a suite."""

import json
import re

import pytest

from bench.cli.main import main
from bench.errors import UserError
from bench.running import suite, sweep

SMALL = ["data.victims=1", "data.set=mnist", "logger=none", "metric=mse", "engine.threads=1"]


def test_a_key_that_only_some_cells_have_makes_cells_of_those_only() -> None:
    titles = [cell.title for cell in sweep.plan(["attack=dlg,noise", "attack.lr=0.1,0.2", *SMALL])]
    assert titles == ["attack=dlg attack.lr=0.1", "attack=dlg attack.lr=0.2", "attack=noise"]


def test_what_belongs_to_a_chosen_option_is_kept_in_every_cell() -> None:
    sets = [cell.config.data.set for cell in sweep.plan(["data=samples", "data.set=mnist,cifar10", "attack=noise"])]
    assert sets == ["mnist", "cifar10"]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["attack=noise,idgl"], r"no attack 'idgl' .* \[suite sweep-attack, cell attack=idgl\]"),
        (["seed=0,x"], r"seed='x': want a whole number \[suite sweep-seed, cell seed=x\]"),
        (["attack=noise,dlg", "attack.lrr=1"], "no key 'attack.lrr'"),
        (["seed=0,1", "training=held_out"], "a model is trained by `leakbench train`"),
    ],
)
def test_one_bad_value_is_told_before_the_first_cell_runs(overrides, sentence, tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        sweep.plan(overrides)
    assert main(["run", *overrides]) == 2
    assert capfd.readouterr().err.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_a_suite_with_several_values_runs_its_grid_with_each() -> None:
    cells = suite.plan("quick", ["attack=noise", "seed=0,1"])
    assert [cell.title for cell in cells[::3]] == [
        "data=samples data.set=mnist seed=0",
        "data=samples data.set=mnist seed=1",
    ]
    assert len(cells) == 6 and {cell.config.seed for cell in cells} == {0, 1}


def test_run_with_several_values_prints_what_a_suite_prints(tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--json", "attack=noise,mean", "seed=0,1", *SMALL]) == 0
    out, err = capfd.readouterr()
    document = json.loads(out)
    assert document["suite"] == "sweep-attack-seed" and document["failed"] == {}
    assert [cell["attack"] for cell in document["cells"]] == ["noise", "noise", "mean", "mean"]
    assert re.search(r"cell 4 of 4  done +mean +samples-mnist +seed=1 ", err)
    assert "results/leaderboard.md" in document["files"]
    assert main(["status", "--json"]) == 0
    assert {cell["state"] for cell in json.loads(capfd.readouterr().out)["cells"]} == {"done"}
    assert len(list((tmp_path / "results" / "cells").iterdir())) == 4
    assert (tmp_path / "results" / "plans" / "sweep-attack-seed.json").exists()


def test_multirun_makes_a_suite_of_one_cell(tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--multirun", "--json", "attack=noise", *SMALL]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["suite"] == "sweep" and [cell["attack"] for cell in document["cells"]] == ["noise"]
