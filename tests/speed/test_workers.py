"""Two ways to fill the cores take turns in one run; the figures agree with each other."""

import json
from statistics import median

import pytest

from bench.cli.main import main
from bench.speed import workers
from bench.speed.memory import ChildFailed

TINY = ["data.size=8", "engine.chunk=2", "engine.compile=false", "attack.history=4", "attack.evaluations=40"]


@pytest.mark.slow
def test_one_run_measures_both_sides_and_says_which_does_more(capfd, monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: 2)
    short = ["--rounds", "3", "--seconds", "0.05", "--threads", "1", "--chunks", "2", "--no-memory", "--no-success"]
    assert main(["speed", *TINY, *short, "--workers", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)["workers"]
    assert found["cores"] == 2
    shapes = {name: (found[name]["processes"], found[name]["threads"]) for name in ("together", "apart")}
    assert shapes == {"together": (1, 2), "apart": (2, 1)}
    for side in (found["together"], found["apart"]):
        assert len(side["rounds"]) == 3 and min(side["rounds"]) > 0
        assert side["evaluations_per_second"] == median(side["rounds"])
    pairs = zip(found["apart"]["rounds"], found["together"]["rounds"])
    assert found["ratio"] == median(apart / together for apart, together in pairs)


@pytest.mark.slow
def test_a_process_that_cannot_begin_is_a_reason():
    worker = workers.Worker(["attack=noise"], None, 1)
    with pytest.raises(ChildFailed, match="does not match gradients"):
        worker.hear()
    worker.stop()
