"""The worked examples of docs/suites.md run as they are printed, from outside the repository."""

import json
import re
import shlex
from pathlib import Path

import own_suites
import pytest

from bench.cli.main import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "suites.md").read_text()
SUITE = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)[0]  # the first one is run by the commands below it
COMMANDS = [line for line in PAGE.splitlines() if line.startswith(("leakbench run ", "leakbench suite "))]


PAIRS = list(zip(COMMANDS, [6, 7, 3, 14], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(("command", "count"), PAIRS[1:])
def test_each_command_of_the_suite_has_as_many_cells_as_the_page_says(command, count) -> None:
    overrides = shlex.split(command.replace("--config-dir my_configs", ""))[3:]
    assert len(own_suites.planned(SUITE, *overrides)) == count


# the dear ones run in the slow tier: they differ in the number of cells
@pytest.mark.parametrize(
    ("command", "count"),
    [pytest.param(*pair, marks=() if pair[1] == 6 else pytest.mark.slow) for pair in PAIRS],
)
def test_each_command_runs_as_many_cells_as_the_page_says(command, count, tmp_path, monkeypatch, capfd) -> None:
    (tmp_path / "my_configs" / "suite").mkdir(parents=True)
    (tmp_path / "my_configs" / "suite" / "two_defenses.yaml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    words = [*shlex.split(command)[1:], "logger=none", "data.victims=1", "engine.threads=1", "metric=mse"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert len(document["cells"]) == count and not document["failed"] and not document["not_applicable"]
