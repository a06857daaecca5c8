"""Nothing is lost: killed, interrupted or out of room, the same command again ends where an undisturbed one does."""

import csv
import json
import random
import signal
import time
from collections import Counter

import pytest
from processes import Leakbench

from bench.results import parts, query
from bench.storage import lock

SUITE = """# small
overrides:
  - data=samples
  - data.set=mnist
  - data.size=8
  - data.victims={victims}
  - logger=none
  - metric=mse
  - engine.threads=1
  - engine.compile=false
  - engine.chunk=8
  - report.images=2
  - executor.workers=1
grid:
  - [attack=idlg attack.evaluations=12, attack=noise]
"""
QUIET = ["attack=idlg", "logger=none", "metric=mse", "engine.threads=1", "engine.compile=false", "data.size=8"]
ENDLESS = [*QUIET, "data.victims=70", "attack.evaluations=1000000", "engine.chunk=4"]
BRIEF = [*QUIET, "data.victims=40", "attack.evaluations=8", "engine.chunk=8", "report.images=2"]
SLURM = {"SLURM_NTASKS": "1", "SLURM_JOB_NAME": "leak", "SLURM_JOB_ID": "7", "SLURM_PROCID": "0"}
SLURM |= {"SLURM_STEP_NUM_TASKS": "1", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_JOB_NUM_NODES": "1"}
# about when, where and how fast; all else is the same in every run
TIMES = {"seconds", "started", "stored", "part", "host", "commit", "versions", "device"}


@pytest.fixture
def start(tmp_path):
    """Starts `leakbench WORDS results=ROOT`; what still runs at the end is killed."""
    running = []

    def begin(root, *words, **how):
        running.append(Leakbench([*words, f"results={root}"], tmp_path / f"log{len(running)}", **how))
        return running[-1]

    yield begin
    for one in running:
        one.process.kill()
        one.process.join()


def suite_words(tmp_path, victims):
    (tmp_path / "mine" / "suite").mkdir(parents=True)
    (tmp_path / "mine" / "suite" / "small.yaml").write_text(SUITE.format(victims=victims))
    return ["suite", "small", "--config-dir", str(tmp_path / "mine")]


def wait_for(condition, process, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.running, process.err
        assert time.monotonic() < deadline
        time.sleep(0.01)


def at_work(root):
    return any(lock.holder(folder) for folder in (root / "cells").glob("[!.]*"))


def stored(root):
    """Every row of every cell, without what is about time and place."""
    found = {}
    for cell in query.cells(root).cells:
        rows = query.rows(cell)
        assert rows.warnings == []
        kept = [table.drop([n for n in table.column_names if n in TIMES]) for table in (rows.victims, rows.samples)]
        found[cell.identity] = [table.to_pylist() for table in kept]
    return found


def board(root):
    with open(root / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if "seconds" not in key and key != "device"} for row in rows]


def computed(root):
    """{cell: {victim: how many parts hold it}}: more than one means that it was computed again."""
    return {
        cell.identity: Counter(
            victim for table in parts.read(cell.parts).victims.values() for victim in table["victim"].to_pylist()
        )
        for cell in query.cells(root).cells
    }


def killed_and_finished(start, tmp_path, victims, kills):
    words, calm, rough = suite_words(tmp_path, victims), tmp_path / "calm", tmp_path / "rough"
    process = start(calm, *words)
    wait_for(lambda: at_work(calm), process)
    began = time.monotonic()
    assert process.wait(600) == 0
    span = time.monotonic() - began
    moments = random.Random(kills)
    for _ in range(kills):
        process = start(rough, *words)
        wait_for(lambda: at_work(rough), process)
        time.sleep(moments.uniform(0, span / (kills + 2)))  # the work outlasts all of them
        process.send(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert start(rough, *words).wait(600) == 0
    assert stored(rough) == stored(calm)
    assert board(rough) == board(calm)
    assert len(stored(calm)) == len(board(calm)) == 2
    assert list(computed(rough).values()) == [dict.fromkeys(range(victims), 1)] * 2
    assert not list(rough.glob("cells/*/parts/.*")), "left by a killed process"


@pytest.mark.slow
def test_a_suite_killed_three_times_ends_like_one_that_was_left_alone(start, tmp_path):
    killed_and_finished(start, tmp_path, victims=72, kills=3)


@pytest.mark.slow
def test_a_suite_killed_twenty_times_ends_like_one_that_was_left_alone(start, tmp_path):
    killed_and_finished(start, tmp_path, victims=800, kills=20)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), pytest.param(signal.SIGUSR1, 143, marks=pytest.mark.slow)],
)
def test_a_signal_ends_a_run_within_seconds_with_one_line(start, tmp_path, number, code):
    """In the middle of a block of victims that never end; SIGUSR1 as SLURM sends it, in a job of SLURM's."""
    root = tmp_path / "out"
    process = start(root, "run", *ENDLESS, environment=SLURM if number == signal.SIGUSR1 else {})
    wait_for(lambda: at_work(root), process)
    time.sleep(1)
    asked = time.monotonic()
    process.send(number)
    assert process.wait(30) == code, process.err
    assert time.monotonic() - asked < 8
    how = "interrupted" if number == signal.SIGINT else f"stopped by {number.name}"
    kept = "finished victims are kept, and the same command goes on from there"
    assert process.err.splitlines()[-1] == f"leakbench: {how}; {kept}"
    assert process.out == "" and "Traceback" not in process.err
    assert sorted(path.name for path in root.iterdir()) == ["cells", "logs"]  # no checkpoint of Lightning's
    assert not at_work(root)


@pytest.mark.slow
def test_an_interrupted_suite_stops_as_a_whole_and_keeps_what_is_finished(start, tmp_path):
    words, root = [*suite_words(tmp_path, 72), "attack.evaluations=40"], tmp_path / "out"
    process = start(root, *words)
    wait_for(lambda: list(root.glob("cells/*/parts/victims-*")), process)  # 32 victims
    process.send(signal.SIGINT)
    assert process.wait(30) == 130, process.err
    before = computed(root)
    assert "failed" not in process.err and len(before) == 1  # the second cell was not begun
    assert start(root, *words).wait() == 0
    after = computed(root)
    assert all(after[cell][victim] == 1 for cell, victims in before.items() for victim in victims)
    assert list(after.values()) == [dict.fromkeys(range(72), 1)] * 2


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_same_command_goes_on_when_there_is_room(start, tmp_path):
    calm, full = tmp_path / "calm", tmp_path / "full"
    assert start(calm, "run", *BRIEF).wait() == 0
    process = start(full, "run", *BRIEF, file_size=8_000)  # enough for cell.json, not for a part
    assert process.wait() == 2
    last = process.err.splitlines()[-1]
    assert last.startswith("leakbench: cannot write ") and "make room and give the same command again" in last
    assert "Traceback" not in process.err
    (cell,) = query.cells(full).cells
    assert cell.done() == set() and query.rows(cell).warnings == [] and not list(cell.parts.iterdir())
    assert start(full, "run", *BRIEF).wait() == 0
    assert stored(full) == stored(calm)


@pytest.mark.slow
def test_two_at_once_compute_each_victim_once(start, tmp_path):
    """The second waits for the first, says so once, and then finds the victims done."""
    root = tmp_path / "out"
    words = ["run", *BRIEF, "attack.evaluations=60", "--json"]
    both = [start(root, *words), start(root, *words)]
    assert [one.wait() for one in both] == [0, 0]
    (counts,) = computed(root).values()
    assert counts == dict.fromkeys(range(40), 1)
    documents = [json.loads(one.out) for one in both]
    assert documents[0] == documents[1] and documents[0]["victims"] == 40
    notices = [line for one in both for line in one.err.splitlines() if "is at work on" in line]
    assert len(notices) == 1 and notices[0].startswith("leakbench: process ")


def test_a_lock_is_free_when_its_holder_was_killed(start, tmp_path):
    root = tmp_path / "out"
    first = start(root, "run", *ENDLESS)
    wait_for(lambda: at_work(root), first)
    first.send(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert not at_work(root)
    (folder,) = (root / "cells").glob("[!.]*")
    began = time.monotonic()
    with lock.locked(folder, pytest.fail):
        assert time.monotonic() - began < 1
