"""The job script and the Dockerfile of docs/ say commands that leakbench understands; neither needs its own machine."""

import os
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from bench.cli.parser import parse
from bench.config.options import entries

ROOT = Path(__file__).resolve().parents[2]
JOB = ROOT / "docs" / "suite.sbatch"
DOCKERFILE = (ROOT / "docs" / "Dockerfile").read_text()
PAGE = (ROOT / "docs" / "container.md").read_text()


def test_the_job_script_is_valid_shell() -> None:
    assert subprocess.run(["bash", "-n", JOB], capture_output=True, text=True).stderr == ""


def test_the_command_of_the_job_script_is_understood() -> None:
    (line,) = re.findall(r"^leakbench .*(?= &$)", JOB.read_text(), re.M)
    arguments = parse(shlex.split(line)[1:])
    assert (arguments.command, arguments.name) == ("suite", "published")
    assert arguments.name in entries("suite") and "trainer=gpu" in arguments.overrides


def test_the_warning_before_the_time_limit_reaches_leakbench_and_the_job_is_queued_again(tmp_path: Path) -> None:
    """The script is run as it is; leakbench and scontrol are replaced by commands that write down what reached them."""
    environment = tmp_path / ".venv" / "bin"
    environment.mkdir(parents=True)
    (environment / "activate").write_text(f"PATH={tmp_path}:$PATH\n")
    commands = {
        "leakbench": 'trap "echo warned $* >> log; exit 143" USR1\ntouch ready\nwhile :; do sleep 0.02; done',
        "scontrol": "echo $* >> log",
    }
    for name, text in commands.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    job = subprocess.Popen(["bash", JOB], env={**os.environ, "SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_JOB_ID": "7"})
    deadline = time.monotonic() + 20
    while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    job.send_signal(10)  # SIGUSR1, as --signal=B:USR1@90 sends it to the script
    assert job.wait(20) == 0
    assert (tmp_path / "log").read_text() == "warned suite published trainer=gpu results=results\nrequeue 7\n"


def test_what_the_image_runs_is_understood() -> None:
    (words,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.M)
    assert parse(re.findall(r'"(\w+)"', words)).name == "quick"
    assert 'ENTRYPOINT ["leakbench"]' in DOCKERFILE and "LEAKBENCH_CACHE=/cache" in DOCKERFILE


@pytest.mark.parametrize(
    "command",
    [
        line.split(" leakbench ")[1]
        for line in PAGE.splitlines()
        if " leakbench " in line and line.startswith("docker run")
    ],
)
def test_every_command_of_the_page_on_the_image_is_understood(command: str) -> None:
    assert parse(shlex.split(command)).command in ("run", "suite")


def test_the_extra_that_the_image_installs_exists() -> None:
    (extra,) = re.findall(r'"/source\[(\w+)\]"', DOCKERFILE)
    assert f"\n{extra} =\n" in (ROOT / "setup.cfg").read_text()
