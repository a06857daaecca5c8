"""Protects: a cell reaches a process as it was, and its result comes back whole or not at all."""

import io
import json
import os
import queue
import sys
import threading
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError

from bench.config.compose import compose
from bench.executors import child
from bench.executors.child import outcome_path, read_job, read_outcome, serve, write_job
from bench.running.executor import MISTAKE, Result


def test_a_cell_is_read_as_it_was_written_and_is_closed(tmp_path: Path) -> None:
    cfg = OmegaConf.create({"a": {"b": 1.5, "c": [None, True, "ü\n"]}, "d": "${a.b}", "seed": 2**63 - 1})
    write_job(tmp_path / "job", cfg)
    found = read_job(tmp_path / "job")
    assert OmegaConf.to_container(found) == OmegaConf.to_container(cfg, resolve=True)
    with pytest.raises(ConfigAttributeError):
        found.nothing = 1


def test_there_is_no_result_before_it_is_written(tmp_path: Path) -> None:
    job, result = tmp_path / "cell0.json", Result("done", {"a": 1}, "", "x")
    assert outcome_path(job, 1) == tmp_path / "cell0.json.rank1" and read_outcome(job, 1) is None
    outcome_path(job, 1).write_text(json.dumps(result.plain()))
    assert read_outcome(job, 1) == result and read_outcome(job, 0) is None


def test_cells_are_served_until_stdin_ends_and_one_that_fails_costs_the_next_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both cells are refused before any work, the first for its data; a worker has to go on after that."""
    cfg = compose(["attack=noise", "data=folder", "data.channels=1", f"data.root={tmp_path / 'none'}", "logger=none"])
    for name in ("one", "two"):
        write_job(tmp_path / name, OmegaConf.merge(cfg, {"results": str(tmp_path / "out")}))
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{tmp_path / 'one'}\n{tmp_path / 'two'}\n"))
    monkeypatch.setenv("LOCAL_RANK", "1")
    jobs: list[Path] = []
    real = child.read_job
    monkeypatch.setattr(child, "read_job", lambda path: (jobs.append(path), real(path))[1])
    monkeypatch.setattr(child.os, "kill", lambda pid, number: time.sleep(60))  # stdin ends while the first one runs
    serve()
    assert jobs == [tmp_path / "one", tmp_path / "two"]
    for name in ("one", "two"):
        found = read_outcome(tmp_path / name, 1)
        assert found is not None and found.status == MISTAKE and "data.root" in found.reason
        assert read_outcome(tmp_path / name, 0) is None


def test_a_busy_process_is_asked_to_leave_when_its_parent_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """First by SIGTERM, so that it stores its finished victims; after the grace it ends in any case."""
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(child, "GRACE", 0.0)
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append(("kill", number)) if pid == os.getpid() else None)
    monkeypatch.setattr(os, "_exit", lambda code: told.append(("exit", code)))
    for busy, wanted in ((True, [("kill", 15), ("exit", 1)]), (False, [])):
        told.clear()
        monkeypatch.setattr(sys, "stdin", io.StringIO("/a/job with spaces \n"))
        jobs: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        event = threading.Event()
        if busy:
            event.set()
        child._listen(jobs, event)
        assert told == wanted
        assert [jobs.get(), jobs.get()] == [Path("/a/job with spaces "), None]
