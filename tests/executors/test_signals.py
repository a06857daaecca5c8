"""SIGTERM ends a suite wherever its cells run: in time, in one line, with what is finished kept and nobody left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.results import query

MARK = "LEAKBENCH_TEST_SIGNALS"
ENDLESS = ["attack=idlg", "attack.evaluations=1000000000", "attack.stop.objective=0", "data.victims=40", "seed=0"]


def descendants(mark: str) -> list[str]:
    """Commands of the processes that run and were started, at whatever remove, with `mark` in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


@pytest.mark.slow
@pytest.mark.parametrize("words", [["executor=slurm", "executor.cluster=local"], ["executor=ray"]], ids=["jobs", "ray"])
def test_sigterm_ends_cells_that_run_elsewhere(words, tmp_path, configs):
    """The first cell has victims that are stored, so that there is something to keep."""
    command = [sys.executable, "-m", "bench.cli", "suite", "small", "--config-dir", str(configs)]
    base = [*command, f"results={tmp_path}/out"]
    brief = ["attack=idlg", "attack.evaluations=9", "seed=0", "executor.workers=1"]
    assert subprocess.run([*base, *brief], capture_output=True, timeout=120).returncode == 0
    (kept,) = query.cells(tmp_path / "out").cells
    suite = subprocess.Popen(
        [*base, *ENDLESS, *words],
        env={**os.environ, MARK: str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("out/cells/*/cell.json"))) < 2:
            assert time.monotonic() < deadline and suite.poll() is None
            time.sleep(0.1)
        time.sleep(1)
        asked = time.monotonic()
        suite.send_signal(signal.SIGTERM)
        _, err = suite.communicate(timeout=40)
        assert suite.returncode == 143 and time.monotonic() - asked < 20  # the hard end comes after 10 s
        said = "leakbench: stopped by SIGTERM; finished victims are kept, and the same command goes on from there"
        assert err.splitlines()[-1] == said and "Traceback" not in err
        deadline = time.monotonic() + 10
        while left := descendants(str(tmp_path)):
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
        assert kept.done() == {0, 1}
    finally:
        suite.kill()
        suite.communicate()
