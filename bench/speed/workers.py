"""One process of all cores against a process a core: which of them does more on this machine?

The processes are started once and take turns: while one side computes, the other waits. Run as a program it is such a
process: a JSON request on the first line of stdin, then `GO SECONDS` lines; a JSON answer a line on stdout.
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
    """A process with the engine, warmed up, that computes for so many seconds when it is told to."""

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
        """A line to the process."""
        assert self._process.stdin is not None
        try:
            print(line, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._failure() from None

    def hear(self) -> Any:
        """Its next answer.

        Raises:
            ChildFailed: it ended instead.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise self._failure()

    def _failure(self) -> ChildFailed:
        assert self._process.stderr is not None
        last = (self._process.stderr.read().strip().splitlines() or ["it said nothing"])[-1]
        return ChildFailed(f"the process that measured it ended with code {self._process.wait()} ({last})")

    def stop(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()


def measure(overrides: Sequence[str], config_dir: Path | None, rounds: int, seconds: float) -> dict[str, Any]:
    """One process of all threads and a process a core of one thread each, in turns.

    Returns:
        `together` and `apart`, each with `processes`, `threads` (of each), `evaluations_per_second` (of all processes,
        median over the rounds), `rounds`; `ratio`, apart over together: the median of the rounds' ratios; `cores`.

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
                worker.hear()  # it is warm
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
    """Evaluations a second of all of them, computing at the same time."""
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
