"""The worked example of docs/add-a-metric.md runs as it is printed, from outside the repository."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from bench.cli.main import main
from bench.results import query

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "add-a-metric.md").read_text()
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
METRIC, SET = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("leakbench run")]
SMALL = ["logger=none", "data.victims=2", "data.set=mnist", "attack.evaluations=3", "engine.threads=1"]
SMALL += ["data.size=16", "model.width=3", "engine.chunk=2"]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A user's own folder, as the page has it."""
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "close_pixels.py").write_text(CODE)
    (tmp_path / "my_configs" / "metric").mkdir(parents=True)
    (tmp_path / "my_configs" / "metric" / "close_pixels.yaml").write_text(METRIC)
    (tmp_path / "my_configs" / "metric" / "image_close.yaml").write_text(SET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs_and_the_score_is_that_of_the_stored_images(command, folder, capfd):
    assert len(COMMANDS) == 3
    without = ["~metric.lpips_alex", "~metric.lpips_vgg"] if "image_close" in command else []  # their weights are large
    assert main([*shlex.split(command)[1:], *SMALL, *without, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    (cell,) = query.cells(Path("results")).cells
    stored = query.rows(cell).samples["close_pixels"].to_pylist()
    tolerance = 0.1 if "0.1" in command else 0.02
    by_hand = [np.mean(np.abs(one.guess.clip(0, 1) - one.truth) <= tolerance) for one in query.images(cell)]
    assert len(stored) == 2 and stored == pytest.approx(by_hand)
    assert document["close_pixels"]["mean"] == pytest.approx(np.mean(stored))
    assert ("psnr" in document) == ("image_close" in command)


def test_a_tolerance_that_is_none_is_refused_in_one_line(folder, capfd):
    words = ["run", "metric=close_pixels", "metric.tolerance=0", *SMALL, "--config-dir", "my_configs"]
    assert main(words) == 2
    said = capfd.readouterr().err.strip()
    assert "tolerance=0" in said and "positive" in said and len(said.splitlines()) == 1
    assert not (folder / "results").exists()
