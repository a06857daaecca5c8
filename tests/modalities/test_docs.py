"""The worked example of docs/add-a-kind-of-data.md runs as it is printed, from outside the repository."""

import contextlib
import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from bench.cli.main import main
from bench.results import query
from bench.results.summary import summary

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "add-a-kind-of-data.md").read_text()
KIND, METRIC, DATA = re.findall(r"```python\n(.*?)```", PAGE, re.S)
METRIC_YAML, SET_YAML, DATA_YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
(PROJECT,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("leakbench run")]
SMALL = ["logger=none", "data.victims=3", "engine.threads=1", "engine.compile=false", "engine.chunk=3"]
FILES = {
    "my_package/records.py": KIND,
    "my_package/close_values.py": METRIC,
    "my_package/patients.py": DATA,
    "my_configs/metric/close_values.yaml": METRIC_YAML,
    "my_configs/metric/record.yaml": SET_YAML,
    "my_configs/data/patients.yaml": DATA_YAML,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A user's own folder, as the page has it, with what an installation adds to it: the entry points."""
    root = tmp_path_factory.mktemp("own")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    project = tomllib.loads(PROJECT)["project"]
    installed = root / "my_package-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (installed / "entry_points.txt").write_text("".join(lines))
    return root


@pytest.fixture(autouse=True, scope="module")
def _in_the_folder(folder):
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.syspath_prepend(str(folder))
        yield


@pytest.fixture(scope="module")
def said() -> io.StringIO:
    """What the commands of the page wrote to the terminal."""
    return io.StringIO()


@pytest.fixture(scope="module")
def documents(folder, said, _in_the_folder) -> dict[str, dict]:
    """What the commands of the page give, `{command: document}`."""
    assert len(COMMANDS) == 3
    for command in COMMANDS:
        evaluations = ["attack.evaluations=40"] if "idlg" in command else []
        with contextlib.redirect_stderr(said):
            assert main([*shlex.split(command)[1:], *SMALL, *evaluations]) == 0
    found = [summary(cell) for cell in query.cells(folder / "results").cells]
    return {f"{one['attack'].split()[0]} {one['defense'].split()[0]}": one for one in found}


def report_elsewhere(folder: Path) -> subprocess.CompletedProcess:
    """Runs `leakbench report` in the folder, in a process that does not have the package."""
    code = "import sys; from bench.cli.main import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, "report"],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_a_run_speaks_of_records_and_scores_them(documents, folder, said):
    plain, noise = documents["idlg none"], documents["noise none"]
    assert plain["success_rate"] is None and list(plain["metrics"]) == ["close_values"]
    assert plain["close_values"]["mean"] > noise["close_values"]["mean"]
    for cell in query.cells(folder / "results").cells:
        stored = query.rows(cell).samples["close_values"].to_pylist()
        by_hand = [np.mean(np.abs(one.guess.clip(0, 1) - one.truth) <= 0.01) for one in query.images(cell)]
        assert len(stored) == 3 and stored == pytest.approx(by_hand, abs=0.04)  # pictures are in half precision
        assert cell.facts["data"]["modality"] == "records"
    overview = said.getvalue()
    assert "3 of 1 record" in overview and "569 records of 30 values, 2 classes" in overview
    assert "surrogate" not in overview


@pytest.mark.slow
def test_a_report_has_their_board_with_their_columns_their_leak_and_their_words(documents, folder):
    assert main(["report"]) == 0
    board = (folder / "results" / "leaderboard.md").read_text()
    assert "## Records, threat model: basic" in board and "| close values, mean ↑ |" in board
    assert "MSE" not in board and "surrogate" not in board and "[grid](grids/" in board
    with open(folder / "results" / "leaderboard.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    means = {float(line["close_values"]) for line in lines}
    assert len(lines) == 3 and means == {one["close_values"]["mean"] for one in documents.values()}
    defenses = (folder / "results" / "defenses.md").read_text()
    assert (
        "Leak: share of close values of the reconstructions" in defenses and "leak, mean ↓ (close values)" in defenses
    )
    assert "below at what noise scores" in defenses and "share of records of which every value came back" in defenses
    assert "No accuracy or time beside a leak" in defenses and "What is claimed of them" not in defenses
    with open(folder / "results" / "defenses.csv", newline="") as file:
        assert {"leak_close_values", "whole_records"} <= set(next(csv.reader(file)))


@pytest.mark.slow
def test_without_the_package_a_report_skips_the_cells_with_a_line_each(documents, folder):
    done = report_elsewhere(folder)
    assert done.returncode == 2 and "no results in" in done.stderr and "3 skipped" in done.stderr
    assert "no kind of data here is called 'records': install the package that defines it" in done.stderr


@pytest.mark.slow
def test_metrics_and_trainings_of_images_are_refused_by_name(folder, capfd, tmp_path):
    words = ["data=patients", "--config-dir", "my_configs", f"results={tmp_path}"]
    both = ["metric=image", "~metric.lpips_alex", "~metric.lpips_vgg"]
    assert main(["run", "attack=noise", *SMALL, *words, *both, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["reasons"]["psnr"] == "compares images; these are records (metric=record)"
    assert main(["train", *words]) == 2
    assert "'patients' holds records: `leakbench train` trains classifiers of images" in capfd.readouterr().err
    assert main(["run", "model=bert_tiny", *SMALL, *words]) == 2
    assert "holds records, and model 'bert_tiny' does not take them (try model=lenet)" in capfd.readouterr().err


@pytest.mark.slow
def test_a_score_is_added_to_stored_records(tmp_path):
    first = [*shlex.split(COMMANDS[2])[1:], *SMALL, f"results={tmp_path}", "~metric.close_values"]
    assert main(first) == 0
    assert main(["rescore", str(tmp_path), "metric=record", "--config-dir", "my_configs"]) == 0
    (cell,) = query.cells(tmp_path).cells
    found = query.rows(cell).samples["close_values"].to_pylist()
    assert len(found) == 3 and None not in found
