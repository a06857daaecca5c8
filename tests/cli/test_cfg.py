"""`--cfg` prints the config that would be run, and runs and writes nothing."""

import json
from pathlib import Path

import pytest
import yaml

from bench.cli.main import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("command", "training"), [("run", False), ("train", True)])
def test_a_cell_is_printed_resolved_and_nothing_is_written(command: str, training: bool, tmp_path: Path, capfd) -> None:
    """Data that are not on this machine do no harm: nothing is going to read them."""
    words = [command, "data=lfw", "data.root=no/such", "model.width=6", "seed=3", "--cfg"]
    assert main(words) == 0
    config = yaml.safe_load(capfd.readouterr().out)
    assert (config["seed"], config["data"]["seed"], config["model"]["width"]) == (3, 3, 6)
    assert ("training" in config) == training
    assert list(tmp_path.iterdir()) == []
    assert main([*words, "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == config


@pytest.mark.slow
def test_a_suite_is_one_document_per_cell(tmp_path: Path, capfd) -> None:
    assert main(["suite", "quick", "attack=idlg", "--cfg"]) == 0
    out = capfd.readouterr().out
    cells = list(yaml.safe_load_all(out))
    assert len(cells) == 3 and {cell["suite"] for cell in cells} == {"quick"}
    assert "# data=samples data.set=cifar10\n" in out
    assert main(["suite", "quick", "attack=idlg", "--cfg", "--json"]) == 0
    assert [one["config"] for one in json.loads(capfd.readouterr().out)] == cells
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "--cgf"], "did you mean '--cfg'? (leakbench run --help)"),
        (["run", "attack=idgl", "--cfg"], "did you mean 'idlg'?"),
        (["suite", "quick", "attack=noise", "attack.lrr=1", "--cfg"], "no key 'attack.lrr'"),
        (["report", "--cfg"], "no option '--cfg'"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str, capfd) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == "" and says in err and err.count("\n") == 1
