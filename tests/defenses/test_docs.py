"""The worked example of docs/add-a-defense.md runs as it is printed, from outside the repository."""

import csv
import json
import re
import shlex
from pathlib import Path

import pytest
import torch

from bench.cli.main import main
from bench.config.compose import compose
from bench.running.components import build

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "add-a-defense.md").read_text()
BLOCKS = dict(re.findall(r"```(\w+)\n(.*?)```", PAGE, re.S))
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("leakbench run")]
SUITES = [line for line in PAGE.splitlines() if line.startswith("leakbench suite")]
SMALL = ["attack=noise", "logger=none", "data.victims=2", "data.set=mnist", "metric=mse", "engine.threads=1"]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A user's own folder, as the page has it."""
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "withhold.py").write_text(BLOCKS["python"])
    (tmp_path / "my_configs" / "defense").mkdir(parents=True)
    (tmp_path / "my_configs" / "defense" / "withhold.yaml").write_text(BLOCKS["yaml"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs_and_the_cell_says_what_was_done(command, folder, capfd):
    assert len(COMMANDS) == 3
    small = [word for word in SMALL if not (word.startswith("attack") and "attack=" in command)]
    if "attack=" in command:
        small += ["attack.evaluations=3"]
    assert main([*shlex.split(command)[1:], *small, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["victims"] == 2
    facts = json.loads((Path(document["results"]) / "cell.json").read_text())["facts"]["defense"]
    mine = facts["parts"][-1]
    assert mine["defense"] == "Withhold" and mine["level"] == "gradient" and facts["notes"] == []
    assert mine["probability"] == (0.9 if "0.9" in command else 0.5)
    assert [part["defense"] for part in facts["parts"][:-1]] == (["Clip"] if "stack" in command else [])


def test_whole_tensors_are_withheld_and_nothing_else(folder):
    shared = {}
    for defense in ("none", "withhold"):
        built = build(compose([*SMALL, f"defense={defense}"], folder / "my_configs"))
        shared[defense] = built.client.share(built.data.deal(range(8))).gradients
    gone = torch.stack([(value == 0).flatten(1).all(1) for value in shared["withhold"].values()], 1)
    assert 0.2 < gone.float().mean() < 0.8 and len(gone.unique(dim=0)) > 1  # each victim's own choice
    for i, (name, value) in enumerate(shared["none"].items()):
        kept = ~gone[:, i]
        torch.testing.assert_close(shared["withhold"][name][kept], value[kept])


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("defense.probability=2", "probability=2.0: want 0 to 1"),
        ("defense.probabilty=0.2", "did you mean 'defense.probability'?"),
        ("defense.probability=often", "defense.probability='often': want a number"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(override, sentence, folder, capfd):
    assert main(["run", "defense=withhold", override, *SMALL, "--config-dir", "my_configs"]) == 2
    said = capfd.readouterr().err.strip()
    assert sentence in said and len(said.splitlines()) == 1
    assert not (folder / "results").exists()


@pytest.mark.slow
def test_the_suite_ranks_it_among_stored_rows(folder, capfd):
    """A short attack and a training of a few images: the row and its neighbour are what matters."""
    (command,) = SUITES
    tiny = ["data=samples", "data.set=mnist", "data.size=8", "data.victims=2", "model.width=3", "logger=none"]
    tiny += ["attack=dlg", "attack.evaluations=3", "threat=basic"]
    tiny += ["training.train=10", "training.test=10", "training.batch_size=5"]
    tiny += ["training.epochs=1", "training.runs=1", "engine.compile=false", "engine.threads=1"]
    assert main(["suite", "defenses", "defense=none", *tiny]) == 0
    capfd.readouterr()
    assert main([*shlex.split(command)[1:], *tiny, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert not document["failed"] and {cell["defense"] for cell in document["cells"]} == {"withhold"}
    assert main(["report"]) == 0  # with --json a suite prints its cells and writes no table
    with (Path("results") / "defenses.csv").open() as file:
        rows = {row["defense"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"none", "withhold"}
    assert all(row["rank"] in ("1", "2") and row["accuracy"] for row in rows.values())
