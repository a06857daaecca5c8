"""The parent's side of an executor's processes: one process, or the ranks of a cell, which start and end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType

from lightning_fabric.plugins.environments.lightning import find_free_network_port
from omegaconf import DictConfig

import bench
from bench.executors.child import GRACE, outcome_path, read_outcome, write_job
from bench.results.stored_training import StoredTraining
from bench.running.devices import MEETING, check_startable, devices, started_elsewhere
from bench.running.executor import DONE, ERROR, Result
from bench.running.kind import kind_of

_TICK = 0.05  # seconds between two looks at a process
_LEAVING = 10.0  # seconds that a process without work has to end
_LAST = 60.0  # seconds after rank zero's result within which the other ranks have to end too


def ranks(cfg: DictConfig) -> int:
    """The number of processes that this machine has to start for a cell.

    It is 1 if the cell takes one device, as a training does, and if torchrun, SLURM or another executor has started
    the processes already.

    Raises:
        UserError: this machine does not have the devices.
    """
    if kind_of(cfg) is StoredTraining:
        return 1
    asked = devices(cfg)
    if started_elsewhere():
        return 1
    check_startable(asked)
    return asked.count


def crowded(cfg: DictConfig) -> bool:
    """Whether this process is one of several that torchrun or SLURM has started for one cell."""
    asked = devices(cfg)
    return asked.count * asked.machines > 1 and ranks(cfg) == 1


class Group:
    """Processes that run one cell after another; each cell runs on all of them.

    Args:
        size: the number of processes.
        variables: environment variables of the processes, on top of those of this process.
        shown: whether their output goes to the stderr of this process; otherwise it is kept for `said`.
    """

    def __init__(self, size: int, variables: Mapping[str, str], *, shown: bool) -> None:
        self.size = size
        self._folder = tempfile.TemporaryDirectory(prefix="leakbench-")
        self._count, self._busy = 0, False
        self._heard = 0
        self._log = None if shown else Path(self._folder.name) / "log"
        self._processes: list[subprocess.Popen[bytes]] = []
        environment = {**_environment(), **variables, **(_meeting() if size > 1 else {})}
        try:
            for rank in range(size):
                own = {"LOCAL_RANK": str(rank)} if size > 1 else {}
                self._processes.append(self._start({**environment, **own}))
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Group:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.stop()

    def _start(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with open(self._log, "ab") if self._log else nullcontext(sys.stderr) as out:
            return subprocess.Popen(
                [sys.executable, "-m", "bench.cli", "run", "--serve"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                # All ranks share one process group, which is not the terminal's, so that an interrupt reaches this
                # process only, which stops them.
                process_group=self._processes[0].pid if self._processes else 0,
            )

    def run(self, cfg: DictConfig, given_up: Callable[[], bool] = lambda: False) -> Result:
        """Runs one cell to its end. Unless every process has a result, the group is stopped.

        Args:
            cfg: the resolved cell.
            given_up: is called again and again; True means that the result is no longer wanted.
        """
        job = Path(self._folder.name) / f"cell{self._count}.json"
        self._count += 1
        write_job(job, cfg)
        self._busy = True
        for process in self._processes:
            with suppress(BrokenPipeError):  # `_wait` finds a process that has died
                assert process.stdin is not None
                process.stdin.write(f"{job}\n".encode())
                process.stdin.flush()
        result = self._wait(job, given_up)
        self._busy = False
        if not self.alive:
            self.stop()
        for rank in range(self.size):
            outcome_path(job, rank).unlink(missing_ok=True)
        return result

    @property
    def alive(self) -> bool:
        """Whether all processes are running, so that the group can take another cell."""
        return bool(self._processes) and all(process.poll() is None for process in self._processes)

    def _wait(self, job: Path, given_up: Callable[[], bool]) -> Result:
        deadline = None
        while not given_up():
            codes = [process.poll() for process in self._processes]
            found = [read_outcome(job, rank) for rank in range(self.size)]
            failed = next((result for result in found if result is not None and result.status != DONE), None)
            if failed is not None:
                if self.size > 1:
                    self.stop()  # the other ranks may wait for the one that failed
                return failed
            if all(found):
                assert found[0] is not None
                return found[0]
            dead = [rank for rank in range(self.size) if codes[rank] is not None and found[rank] is None]
            if dead:
                return self._death(dead[0], codes[dead[0]])
            if found[0] is not None:
                deadline = deadline or time.monotonic() + _LAST
                if time.monotonic() > deadline:
                    late = [rank for rank in range(self.size) if found[rank] is None]
                    self.stop()
                    return Result(ERROR, reason=f"{self._who(late[0])} did not end within {_LAST:.0f} s of the first")
            time.sleep(_TICK)
        self.stop()
        return Result(ERROR, reason="it was stopped")

    def _death(self, rank: int, code: int | None) -> Result:
        """The result if a process ended without one. The others are stopped, because they would wait for it."""
        assert code is not None
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        last = ([line for line in self.said().splitlines() if line[:1].isalpha()] or [""])[-1]
        self.stop()
        others = "; the others were stopped" if self.size > 1 else ""
        tail = f" (its last line: {last})" if last else ""
        return Result(ERROR, reason=f"{self._who(rank)} {how}{others}{tail}")

    def _who(self, rank: int) -> str:
        return f"process {rank} of {self.size}" if self.size > 1 else "the process of the cell"

    def said(self) -> str:
        """The output of the processes since the last call; empty if it goes to stderr."""
        if self._log is None or not self._log.exists():
            return ""
        content = self._log.read_bytes()
        new, self._heard = content[self._heard :], len(content)
        return new.decode(errors="replace")

    def stop(self) -> None:
        """Ends the processes: first by SIGTERM, so that finished victims are stored, then by SIGKILL."""
        for process in self._processes:
            with suppress(BrokenPipeError):
                assert process.stdin is not None
                process.stdin.close()  # a process without work then ends
        if not self._ended(0.0 if self._busy else _LEAVING):
            self._signal(signal.SIGTERM)
            self._ended(GRACE)
        if self._processes:
            self._signal(signal.SIGKILL)  # this reaches their own children too
            self._ended(None)
        self._processes = []
        self._folder.cleanup()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._processes[0].pid, number)

    def _ended(self, grace: float | None) -> bool:
        """Whether all have ended within `grace` seconds (None: waits until they have)."""
        deadline = None if grace is None else time.monotonic() + grace
        while any(process.poll() is None for process in self._processes):
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(_TICK)
        return True


def _environment() -> dict[str, str]:
    """The environment of this process, with the running package first on PYTHONPATH.

    Otherwise a child could import another package of that name from its working folder.
    """
    root = str(Path(bench.__file__).resolve().parent.parent)
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, known] if known else [root]), "PYTHONSAFEPATH": "1"}


def _meeting() -> dict[str, str]:
    """The variables by which Lightning's ranks find each other: on this machine, unless the user has set them all."""
    if set(MEETING) <= set(os.environ):
        return {}
    return dict(zip(MEETING, ("127.0.0.1", str(find_free_network_port()), "0")))
