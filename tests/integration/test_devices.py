"""Several processes compute what one computes, each victim once; and none of them waits for a dead one."""

import json
import os
import signal
import threading
import time

import pytest

from bench.cli.main import main
from bench.config.compose import compose
from bench.executors.processes import Group
from bench.results import query
from bench.running.executor import ERROR

# eager, with one thread, a victim's row is the same to the bit in any process
EXACT = ["engine.compile=false", "engine.threads=1", "trainer.accelerator=cpu"]
TINY = [*EXACT, "attack=idlg", "attack.evaluations=12", "data.set=mnist", "data.size=8", "metric=mse", "logger=none"]
LONG = [*TINY, "data.victims=4", "attack.evaluations=1000000000", "attack.stop.objective=0"]
TIMES = ("seconds", "rank", "started", "part", "stored", "host", "device", "commit", "versions")


def rows(folder):
    """Victims and samples as they are stored, before any query has chosen among them; without times and places."""
    (cell,) = query.cells(folder).cells
    found = query.rows(cell)
    victims = [{k: v for k, v in row.items() if k not in TIMES} for row in found.victims.to_pylist()]
    samples = [{k: v for k, v in row.items() if k not in TIMES} for row in found.samples.to_pylist()]
    return victims, samples, found.victims["rank"].to_pylist()


def stored(folder):
    """How many rows of victims lie in the parts: more than there are victims if one was dealt twice."""
    from bench.results import parts

    (cell,) = query.cells(folder).cells
    return sum(len(table) for table in parts.read(cell.parts).victims.values())


def assert_same(one, other):
    """Row by row."""
    for ours, theirs in zip(one[:2], other[:2], strict=True):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            assert a == b


def run(folder, devices, victims):
    words = [*TINY, "trainer=ddp", f"trainer.devices={devices}", f"data.victims={victims}"]
    return main(["run", *words, f"results={folder}", "--json"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victims", "devices"),
    # two do not divide three; two victims leave one of three processes without any
    [(3, 2), (2, 3), (5, 3), (1, 2), (8, 2)],
)
def test_several_processes_store_the_rows_of_one(victims, devices, tmp_path, capfd):
    assert run(tmp_path / "one", 1, victims) == run(tmp_path / "several", devices, victims) == 0
    out, err = capfd.readouterr()
    one, several = (json.loads(text) for text in out.replace("}\n{", "}\n\0{").split("\0"))  # one document each
    assert several["victims"] == victims and several["mse"]["mean"] == one["mse"]["mean"]
    assert err.count("threat model") == 2  # one overview each
    alone, shared = rows(tmp_path / "one"), rows(tmp_path / "several")
    assert_same(alone, shared)
    assert shared[2] == [victim % devices for victim in range(victims)] and stored(tmp_path / "several") == victims


@pytest.mark.slow
def test_a_rank_that_dies_takes_its_cell_along_and_says_so(tmp_path):
    """The others would wait for it in the sum over processes until a timeout of half an hour."""
    with Group(2, {"OMP_NUM_THREADS": "1"}, shown=False) as group:
        processes = list(group._processes)

        def kill():
            deadline = time.monotonic() + 60
            while not list(tmp_path.glob("cells/*/cell.json")) and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(1)
            killed.append(time.monotonic())
            os.kill(processes[1].pid, signal.SIGKILL)

        killed = []
        threading.Thread(target=kill, daemon=True).start()
        result = group.run(compose([*LONG, "trainer=ddp", "trainer.devices=2", f"results={tmp_path}"]))
        assert time.monotonic() - killed[0] < 25
    assert result.status == ERROR
    assert result.reason.startswith("process 1 of 2 was killed by SIGKILL; the others were stopped")
    assert all(process.poll() is not None for process in processes)
