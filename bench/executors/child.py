"""The child's side of a process that works for an executor: it reads cells from stdin and writes results to files.

A line on stdin is the path of a resolved config (JSON). The `Result` is written to `PATH.rankR`, whole or not at all.
Stdin ends when the parent process is gone. A child that is busy then stops, so that no process outlives its suite.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from bench.running.cell import run_cell
from bench.running.executor import Result, attempt
from bench.storage.atomic import write_text

GRACE = 20.0  # seconds that a process has to store its finished victims when it is told to stop


def write_job(path: Path, cfg: DictConfig) -> None:
    """Writes a resolved cell to a file, from which `serve` reads it."""
    path.write_text(json.dumps(OmegaConf.to_container(cfg, resolve=True)), encoding="utf-8")


def read_job(path: Path) -> DictConfig:
    """Reads the cell that `write_job` wrote, closed to new keys as `compose` leaves it."""
    cfg = OmegaConf.create(json.loads(path.read_text(encoding="utf-8")))
    OmegaConf.set_struct(cfg, True)
    return cfg


def outcome_path(job: Path, rank: int) -> Path:
    """The file to which the process `rank` writes its result."""
    return job.with_name(f"{job.name}.rank{rank}")


def read_outcome(job: Path, rank: int) -> Result | None:
    """The result of the process `rank`; None while there is none."""
    try:
        return Result(**json.loads(outcome_path(job, rank).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def serve() -> None:
    """Runs the cells whose paths come on stdin, one after another, until stdin ends."""
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    jobs: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_listen, args=(jobs, busy), daemon=True).start()
    while (job := jobs.get()) is not None:
        busy.set()
        result = attempt(lambda path=job: run_cell(read_job(path)))  # type: ignore[misc]
        busy.clear()
        write_text(outcome_path(job, rank), json.dumps(result.plain()))


def _listen(jobs: queue.SimpleQueue[Path | None], busy: threading.Event) -> None:
    for line in sys.stdin:
        jobs.put(Path(line.rstrip("\n")))
    if busy.is_set():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)
    jobs.put(None)
