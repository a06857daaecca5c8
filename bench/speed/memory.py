"""Measures peak memory, each time in a process of its own, because the peak of a process never goes down.

Run as a program, this file is that process: it reads a JSON request from stdin and prints a JSON answer as the last
line of stdout.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_KINDS = ("loop", "engine", "cell")


class ChildFailed(Exception):
    """A measuring process ended without an answer; the sentence says how."""


def measure(kind: str, overrides: Sequence[str], config_dir: Path | None) -> dict[str, Any]:
    """Measures peak memory in a process of its own.

    Args:
        kind: `loop` or `engine`, which run until their histories are full, or `cell`, which runs a cell as
            `leakbench run` does.
        overrides: the overrides of `leakbench run`.
        config_dir: a folder with options of the user's own.

    Returns:
        `peak_bytes`, `before_bytes` (the peak before the work began, from Python, torch and the pool of victims),
        `kind` (the memory that was measured, `process` or `cuda`), and `seconds` (the duration of the work).

    Raises:
        ChildFailed: the process ended without an answer, for example because memory ran out.
    """
    assert kind in _KINDS
    request = {"kind": kind, "overrides": list(overrides), "config_dir": config_dir and str(config_dir)}
    command = [sys.executable, "-m", "bench.speed.memory"]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise ChildFailed(f"the process that measured it ended with code {done.returncode} ({last})")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Carries out a request in the measuring process, and returns the answer that `measure` describes."""
    overrides = request["overrides"]
    config_dir = Path(request["config_dir"]) if request["config_dir"] else None
    if request["kind"] == "cell":
        return _cell(overrides, config_dir)

    from bench.speed.contestants import EngineContestant, LoopContestant
    from bench.speed.setting import prepare

    setting = prepare(overrides, config_dir)
    contestant = LoopContestant(setting, setting.threads) if request["kind"] == "loop" else EngineContestant(setting)
    return _around(contestant.warm_up)


def _cell(overrides: list[str], config_dir: Path | None) -> dict[str, Any]:
    from bench.config.compose import compose
    from bench.running.cell import run_cell

    with tempfile.TemporaryDirectory(prefix="leakbench-speed-") as folder:
        cfg = compose([*overrides, f"results={folder}"], config_dir)
        return _around(lambda: run_cell(cfg))


def _around(work: Any) -> dict[str, Any]:
    import torch

    cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    before, began = _peak(cuda), time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
    return {
        "peak_bytes": _peak(cuda),
        "before_bytes": before,
        "kind": "cuda" if cuda else "process",
        "seconds": seconds,
    }


def _peak(cuda: bool) -> int:
    if cuda:
        import torch

        return int(torch.cuda.max_memory_allocated())
    try:
        # On Linux ru_maxrss includes the memory of the parent when it started this process; VmHWM does not.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    import logging
    import warnings

    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    print("\n" + json.dumps(answer(json.load(sys.stdin))))
