"""Compares one process of all cores with one process per core: which side does more on this machine?

The processes are started once and take turns: while one side computes, the other waits. Run as a program, this file is
such a process: it reads a JSON request from the first line of stdin, then `GO SECONDS` lines, and prints one JSON
answer per line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.host.capacity import cores
from bench.speed.memory import ChildFailed


class Worker:
    """A process with the engine, warmed up, that computes for a number of seconds on request.

    Args:
        overrides: the overrides of `leakbench run`.
        config_dir: a folder with options of the user's own.
        threads: the number of threads of the process.
    """

    def __init__(self, overrides: Sequence[str], config_dir: Path | None, threads: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.speed.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )
        words = [*overrides, f"engine.threads={threads}"]
        self.say(json.dumps({"overrides": words, "config_dir": config_dir and str(config_dir)}))

    def say(self, line: str) -> None:
        """Sends a line to the process.

        Raises:
            ChildFailed: the process has ended.
        """
        assert self._process.stdin is not None
        try:
            print(line, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._failure() from None

    def hear(self) -> Any:
        """Waits for the next answer of the process.

        Raises:
            ChildFailed: the process ended without an answer.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise self._failure()

    def _failure(self) -> ChildFailed:
        assert self._process.stderr is not None
        last = (self._process.stderr.read().strip().splitlines() or ["it printed nothing"])[-1]
        return ChildFailed(f"the process that measured it ended with code {self._process.wait()} ({last})")

    def stop(self) -> None:
        """Kills the process and waits for its end."""
        self._process.kill()
        self._process.communicate()


def measure(overrides: Sequence[str], config_dir: Path | None, rounds: int, seconds: float) -> dict[str, Any]:
    """Measures one process of all threads, and one process of one thread per core, in turns.

    Args:
        overrides: the overrides of `leakbench run`.
        config_dir: a folder with options of the user's own.
        rounds: the number of turns per side.
        seconds: the duration of a turn.

    Returns:
        `together` and `apart`, each with `processes`, `threads` (per process), `evaluations_per_second` (of all
        processes, the median over the rounds) and `rounds`; `ratio`, the median over the rounds of apart divided by
        together; and `cores`.

    Raises:
        ChildFailed: a process ended without an answer.
    """
    count = cores()
    sides: dict[str, list[Worker]] = {"together": [], "apart": []}
    try:
        sides["together"].append(Worker(overrides, config_dir, count))
        sides["apart"] += [Worker(overrides, config_dir, 1) for _ in range(count)]
        for workers in sides.values():
            for worker in workers:
                worker.hear()  # the first answer says that the process has warmed up
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, workers in sides.items():
                rates[name].append(_turn(workers, seconds))
    finally:
        for worker in [worker for workers in sides.values() for worker in workers]:
            worker.stop()
    ratios = [apart / together for apart, together in zip(rates["apart"], rates["together"])]
    return {
        "cores": count,
        "ratio": median(ratios),
        "together": _side(1, count, rates["together"]),
        "apart": _side(count, 1, rates["apart"]),
    }


def _turn(workers: Sequence[Worker], seconds: float) -> float:
    """Evaluations per second of all workers together, which compute at the same time."""
    for worker in workers:
        worker.say(f"GO {seconds}")
    answers = [worker.hear() for worker in workers]
    return sum(answer["evaluations"] / answer["seconds"] for answer in answers)


def _side(processes: int, threads: int, rates: list[float]) -> dict[str, Any]:
    return {
        "processes": processes,
        "threads": threads,
        "evaluations_per_second": median(rates),
        "rounds": rates,
    }


def _serve() -> None:
    from bench.speed.contestants import EngineContestant
    from bench.speed.setting import prepare

    request = json.loads(sys.stdin.readline())
    config_dir = Path(request["config_dir"]) if request["config_dir"] else None
    engine = EngineContestant(prepare(request["overrides"], config_dir))
    engine.warm_up()
    print("\n{}", flush=True)
    for line in sys.stdin:
        rate = engine.turn(float(line.split()[1]))
        print("\n" + json.dumps({"evaluations": rate.evaluations, "seconds": rate.seconds}), flush=True)


if __name__ == "__main__":
    import logging
    import warnings

    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    _serve()
