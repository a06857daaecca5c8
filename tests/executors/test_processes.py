"""Protects: the processes of a cell begin and end together, and what came of each is told by name and number.

A process is a real one with a program of a few lines in the place of leakbench's own, which takes seconds to start. It
reads the same lines and writes the same files.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import bench
from bench.executors import processes
from bench.executors.processes import Group, _environment, _meeting
from bench.running.devices import MEETING
from bench.running.executor import DONE, ERROR, MISTAKE

# `cell` says what each rank does: done, die, exit, mistake or hang.
CHILD = """#!/usr/bin/python3 -S
import json, os, signal, sys
rank = int(os.environ.get("LOCAL_RANK", "0"))
for line in sys.stdin:
    job = line.rstrip()
    with open(job) as file:
        what = json.load(file)["ranks"][rank]
    print("Rank", rank, "does", what, flush=True)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "exit":
        sys.exit(7)
    if what == "hang":
        signal.pause()
    found = {"status": what, "document": {"rank": rank, "pid": os.getpid()} if what == "done" else None, "reason": what}
    with open(f"{job}.part{rank}", "w") as file:
        json.dump(found, file)
    os.rename(f"{job}.part{rank}", f"{job}.rank{rank}")
"""


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Starts a group of processes that run CHILD."""
    program = tmp_path / "python"
    program.write_text(CHILD.replace("/usr/bin/python3 -S", f"{sys.executable} -S"))
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    started: list[Group] = []

    def start(size: int) -> Group:
        started.append(Group(size, {}, shown=False))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def cell(*ranks: str):
    return OmegaConf.create({"ranks": list(ranks)})


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_one_process_takes_one_cell_after_another_and_leaves_no_file(group) -> None:
    one = group(1)
    first, second = one.run(cell("done")), one.run(cell("done"))
    assert first.status == second.status == DONE and first.document == second.document  # the same process
    assert first.document["pid"] == one._processes[0].pid
    assert one.alive and not list(Path(one._folder.name).glob("*.rank*"))
    assert one.said() == "Rank 0 does done\n" * 2 and one.said() == ""
    failed = one.run(cell("mistake"))
    assert (failed.status, failed.reason, one.alive) == (
        MISTAKE,
        "mistake",
        True,
    )  # a cell that fails is no dead process
    one.stop()
    assert not one.alive and gone(first.document["pid"])


def test_the_result_of_several_is_that_of_rank_zero(group) -> None:
    two = group(2)
    result = two.run(cell("done", "done"))
    assert result.document["rank"] == 0 and two.alive
    assert len({os.getpgid(process.pid) for process in two._processes} - {os.getpgid(0)}) == 1


@pytest.mark.parametrize(
    ("ranks", "reason"),
    [
        (["die"], "the process of the cell was killed by SIGKILL (its last line: Rank 0 does die)"),
        (["exit"], "the process of the cell ended with exit code 7 (its last line: Rank 0 does exit)"),
    ],
)
def test_a_process_that_dies_alone_is_told(group, ranks: list[str], reason: str) -> None:
    one = group(1)
    result = one.run(cell(*ranks))
    assert (result.status, result.reason, one.alive) == (ERROR, reason, False)


@pytest.mark.parametrize("ranks", [["done", "die"], ["die", "done"], ["hang", "die"]])
def test_a_rank_that_dies_takes_the_others_along(group, ranks: list[str]) -> None:
    """They would wait for it in the next sum over processes."""
    two = group(2)
    pids = [process.pid for process in two._processes]
    result = two.run(cell(*ranks))
    dead = ranks.index("die")
    assert result.status == ERROR and not two.alive
    assert result.reason.startswith(f"process {dead} of 2 was killed by SIGKILL; the others were stopped")
    assert all(gone(pid) for pid in pids)


def test_a_rank_that_fails_ends_the_ranks_that_wait_for_it(group) -> None:
    two = group(2)
    pids = [process.pid for process in two._processes]
    result = two.run(cell("hang", "mistake"))
    assert (result.status, result.reason) == (MISTAKE, "mistake")
    assert all(gone(pid) for pid in pids)


def test_a_rank_that_does_not_end_after_the_first_is_given_up(group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LAST", 0.2)
    result = group(2).run(cell("done", "hang"))
    assert (result.status, result.reason) == (ERROR, "process 1 of 2 did not end within 0 s of the first")


def test_a_cell_that_is_given_up_is_stopped(group) -> None:
    began, one = time.monotonic(), group(1)
    result = one.run(cell("hang"), lambda: time.monotonic() > began + 0.2)
    assert (result.status, result.reason, one.alive) == (ERROR, "it was stopped", False)


def test_a_child_imports_the_running_package_and_not_one_of_the_working_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(Path(bench.__file__).resolve().parent.parent)
    monkeypatch.setenv("PYTHONPATH", f"/mine{os.pathsep}/theirs")
    assert _environment()["PYTHONPATH"] == os.pathsep.join([root, "/mine", "/theirs"])
    monkeypatch.delenv("PYTHONPATH")
    found = _environment()
    assert found["PYTHONPATH"] == root and found["PYTHONSAFEPATH"] == "1" and found["PATH"] == os.environ["PATH"]


def test_ranks_meet_on_this_machine_unless_the_user_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MEETING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MASTER_ADDR", "elsewhere")  # one of three says nothing
    found = _meeting()
    assert found["MASTER_ADDR"] == "127.0.0.1" and found["NODE_RANK"] == "0" and 0 < int(found["MASTER_PORT"]) < 65_536
    for name in MEETING:
        monkeypatch.setenv(name, "1")
    assert _meeting() == {}


def test_a_process_without_work_ends_by_itself(group) -> None:
    """Its stdin ends, so nobody has to be killed."""
    one = group(1)
    one.run(cell("done"))
    (process,) = one._processes
    one.stop()
    assert process.returncode == 0 != -signal.SIGTERM
