"""The worked example of docs/add-an-attack.md runs as it is printed, from outside the repository."""

import json
import re
import shlex
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.config.compose import compose

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "add-an-attack.md").read_text()
ATTACK, NET = re.findall(r"```python\n(.*?)```", PAGE, re.S)
YAML, PRESET = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("leakbench run")]
SMALL = ["logger=none", "data.victims=2", "data.set=mnist", "metric=mse", "engine.threads=1"]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A user's own folder, as the page has it."""
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "linear_ratio.py").write_text(ATTACK)
    (tmp_path / "my_package" / "nets.py").write_text(NET)
    (tmp_path / "my_configs" / "attack").mkdir(parents=True)
    (tmp_path / "my_configs" / "attack" / "linear_ratio.yaml").write_text(YAML)
    (tmp_path / "my_configs" / "attack" / "dlg_long.yaml").write_text(PRESET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs_and_without_a_defence_every_image_comes_back(command, folder, capfd):
    assert len(COMMANDS) == 3
    assert main([*shlex.split(command)[1:], *SMALL, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert (document["attack"].split(" ")[0], document["victims"]) == ("linear_ratio", 2)
    if "defense" not in command:
        assert document["mse"]["mean"] < 1e-9  # float32: a pixel is off by 1e-6 or so
        assert document["label_accuracy"]["mean"] == 1
    else:
        assert document["mse"]["mean"] > 1e-9


@pytest.mark.slow
def test_another_network_is_refused_in_one_line(folder, capfd):
    assert main(["run", "attack=linear_ratio", *SMALL, "--config-dir", "my_configs"]) == 2
    said = capfd.readouterr().err.strip()
    assert "LinearRatio needs a model of one linear layer" in said and len(said.splitlines()) == 1


def test_the_preset_is_dlg_with_what_it_names(folder):
    plain, mine = compose(["attack=dlg"]).attack, compose(["attack=dlg_long"], folder / "my_configs").attack
    changed = {key for key in mine if mine[key] != plain[key]}
    assert changed >= {"evaluations", "start"} and (mine.evaluations, mine.start) == (1600, "uniform")
    assert mine._target_ == plain._target_ and set(mine) == set(plain)
