"""The side of a process that works for an executor: cells come in on stdin, what came of them is left beside them.

A line on stdin is the path of a resolved config (JSON); `PATH.rankR` receives the `Result`, whole or not at all. Stdin
ends when the one who gave the work is gone: who is busy then stops, so that no process outlives its suite.
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

GRACE = 20.0  # seconds in which a process that is told to stop stores what it has


def write_job(path: Path, cfg: DictConfig) -> None:
    """Leaves a resolved cell for `serve`."""
    path.write_text(json.dumps(OmegaConf.to_container(cfg, resolve=True)), encoding="utf-8")


def read_job(path: Path) -> DictConfig:
    """The cell that `write_job` left, closed to new keys as `compose` leaves it."""
    cfg = OmegaConf.create(json.loads(path.read_text(encoding="utf-8")))
    OmegaConf.set_struct(cfg, True)
    return cfg


def outcome_path(job: Path, rank: int) -> Path:
    """Where process `rank` leaves its result."""
    return job.with_name(f"{job.name}.rank{rank}")


def read_outcome(job: Path, rank: int) -> Result | None:
    """What process `rank` left; None while there is nothing."""
    try:
        return Result(**json.loads(outcome_path(job, rank).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def serve() -> None:
    """Runs the cells whose paths come on stdin, one after another, until it ends."""
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
