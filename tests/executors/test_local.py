"""Cells side by side in processes of their own: the same rows, reasons instead of exit codes, nobody left behind."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.config.compose import compose
from bench.errors import UserError
from bench.executors.local import LocalExecutor

USERS = '''
"""Attacks of a user's own that end badly."""
import os, signal
from bench.attacks.controls import Noise

class Broken(Noise):
    def reconstruct(self, seen, seed):
        raise RuntimeError("the third tensor\\nis missing")

class Killed(Noise):
    def reconstruct(self, seen, seed):
        os.kill(os.getpid(), signal.SIGKILL)
'''
YAML = "# ends badly\n_target_: badly_ending_attacks.{}\nversion: 1\ncontrol: false\n"


@pytest.mark.slow
def test_two_workers_give_the_rows_of_one_and_the_reasons_of_what_failed(tmp_path, configs, rows, monkeypatch, capfd):
    """A worker that dies takes its cell along, and another takes its place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "badly_ending_attacks.py").write_text(USERS)
    (configs / "attack").mkdir()
    for name in ("broken", "killed"):
        (configs / "attack" / f"{name}.yaml").write_text(YAML.format(name.capitalize()))
    small = (configs / "suite" / "small.yaml").read_text()
    (configs / "suite" / "bad.yaml").write_text(
        small.replace("[attack=noise,", '[attack=killed, attack=broken, "attack=idlg data.batch_size=2", attack=noise,')
    )
    words = ["--config-dir", "configs", "--json", "seed=0"]
    assert main(["suite", "small", *words, "executor.workers=1", "results=alone"]) == 0
    capfd.readouterr()
    assert main(["suite", "bad", *words, "executor.workers=2", "results=together"]) == 1
    found = json.loads(capfd.readouterr().out)
    assert [cell["attack"] for cell in found["cells"]] == ["noise", "idlg (evaluations=9)"]
    assert found["failed"] == {
        "attack=killed": "the process of the cell was killed by SIGKILL",
        "attack=broken": "RuntimeError: the third tensor is missing",
    }
    assert list(found["not_applicable"]) == ["attack=idlg data.batch_size=2"]
    alone, together = rows(tmp_path / "alone"), rows(tmp_path / "together")
    assert len(alone) == 2 and alone.items() <= together.items()
    assert sorted(len(victims) for victims, _ in alone.values()) == [2, 2]


@pytest.fixture
def endless(tmp_path, configs):
    """A suite of two cells without end, once both are at work, and its workers' process ids."""
    words = ["suite", "small", "--config-dir", str(configs), "executor.workers=2", f"results={tmp_path}/out"]
    words += ["attack=idlg", "attack.evaluations=1000000000", "attack.stop.objective=0"]
    suite = subprocess.Popen([sys.executable, "-m", "bench.cli", *words], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 240  # on a busy machine
        while len(list(tmp_path.glob("out/cells/*/cell.json"))) < 2:
            assert time.monotonic() < deadline and suite.poll() is None
            time.sleep(0.1)
        workers = [
            int(word)
            for path in Path(f"/proc/{suite.pid}/task").glob("*/children")
            for word in path.read_text().split()
        ]
        yield suite, workers
    finally:
        suite.kill()
        suite.communicate()


def alive(pid):
    """Whether a process runs; one that has ended and that nobody has asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
def test_an_interrupted_suite_leaves_nobody_behind(endless):
    """The workers are no children of the terminal: the suite has to end them."""
    suite, workers = endless
    assert len(workers) == 2
    suite.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = suite.communicate(timeout=60)
    assert time.monotonic() - began < 25
    assert suite.returncode == 130 and err.count("interrupted") == 1 and "Traceback" not in err
    assert not any(alive(pid) for pid in workers)


@pytest.mark.slow
def test_workers_do_not_outlive_a_suite_that_is_killed(endless):
    """They would hold its cells, and compute beside the next suite."""
    suite, workers = endless
    suite.kill()
    deadline = time.monotonic() + 25
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_mistakes(monkeypatch):
    with pytest.raises(ValueError, match="workers=0: must be >= 1"):
        LocalExecutor(0)
    every = compose(["attack=noise", "logger=none", "trainer=cpu", "trainer.devices=auto"])
    with pytest.raises(UserError, match=r"a number of trainer\.devices"):
        next(LocalExecutor(2).run([every, every]))
    monkeypatch.setenv("LOCAL_RANK", "0")
    pair = compose(["attack=noise", "logger=none", "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"])
    with pytest.raises(UserError, match="without torchrun or srun"):
        next(LocalExecutor(None).run([pair, pair]))
