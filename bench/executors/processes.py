"""The side of the executor: one process, or the ranks of a cell on several devices, which live and die together."""

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
from bench.running.cell import is_training
from bench.running.executor import DONE, ERROR, Result
from bench.running.trainer import MEETING, attack_trainer

_TICK = 0.05  # seconds between two looks at a process
_LEAVING = 10.0  # seconds that a process without work gets to leave
_LAST = 60.0  # seconds after rank zero's result in which the other ranks have to be done as well


def ranks(cfg: DictConfig) -> int:
    """How many processes somebody has to start here for this cell.

    One where it takes one device, as a training does, and where torchrun, SLURM or another executor has started them.

    Raises:
        UserError: this machine does not have the devices.
    """
    if is_training(cfg):
        return 1
    trainer = attack_trainer(cfg, logger=False)
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if environment is None or environment.creates_processes_externally or trainer.world_size == 1:
        return 1
    return trainer.num_devices


def crowded(cfg: DictConfig) -> bool:
    """Whether this is one of several processes that torchrun or SLURM has started for one cell."""
    return attack_trainer(cfg, logger=False).world_size > 1 and ranks(cfg) == 1


class Group:
    """Processes that run one cell after another, each of them on all processes.

    Args:
        size: how many.
        variables: of the environment, beside our own.
        shown: whether what they say goes to our stderr; else it is kept for `said`.
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
                # one process group for all ranks, and not the terminal's: an interrupt is ours to pass on
                process_group=self._processes[0].pid if self._processes else 0,
            )

    def run(self, cfg: DictConfig, given_up: Callable[[], bool] = lambda: False) -> Result:
        """One cell, to its end; after anything but a result of every process the group is stopped.

        Args:
            cfg: the cell.
            given_up: asked all the while whether nobody wants the result any more.
        """
        job = Path(self._folder.name) / f"cell{self._count}.json"
        self._count += 1
        write_job(job, cfg)
        self._busy = True
        for process in self._processes:
            with suppress(BrokenPipeError):  # it is dead: seen below
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
        """Whether it can take another cell."""
        return bool(self._processes) and all(process.poll() is None for process in self._processes)

    def _wait(self, job: Path, given_up: Callable[[], bool]) -> Result:
        deadline = None
        while not given_up():
            codes = [process.poll() for process in self._processes]
            found = [read_outcome(job, rank) for rank in range(self.size)]
            failed = next((result for result in found if result is not None and result.status != DONE), None)
            if failed is not None:
                if self.size > 1:
                    self.stop()  # the others may wait for a rank that will not come
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
        """A process ended without a word; the others wait for it in vain."""
        assert code is not None
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        last = ([line for line in self.said().splitlines() if line[:1].isalpha()] or [""])[-1]
        self.stop()
        others = "; the others were stopped" if self.size > 1 else ""
        tail = f" (its last words: {last})" if last else ""
        return Result(ERROR, reason=f"{self._who(rank)} {how}{others}{tail}")

    def _who(self, rank: int) -> str:
        return f"process {rank} of {self.size}" if self.size > 1 else "the process of the cell"

    def said(self) -> str:
        """What the processes have said since this was last asked; empty where it is shown."""
        if self._log is None or not self._log.exists():
            return ""
        content = self._log.read_bytes()
        new, self._heard = content[self._heard :], len(content)
        return new.decode(errors="replace")

    def stop(self) -> None:
        """Ends the processes: politely, so that what is finished gets stored, then for good."""
        for process in self._processes:
            with suppress(BrokenPipeError):
                assert process.stdin is not None
                process.stdin.close()  # who has no work leaves
        if not self._ended(0.0 if self._busy else _LEAVING):
            self._signal(signal.SIGTERM)
            self._ended(GRACE)
        if self._processes:
            self._signal(signal.SIGKILL)  # and whatever they have started
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
    """Ours, with the package that is running in front: a child must not find another one in its working folder."""
    root = str(Path(bench.__file__).resolve().parent.parent)
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, known] if known else [root]), "PYTHONSAFEPATH": "1"}


def _meeting() -> dict[str, str]:
    """Where the ranks meet, as Lightning reads it: on this machine, unless the user has said another place for all."""
    if set(MEETING) <= set(os.environ):
        return {}
    return dict(zip(MEETING, ("127.0.0.1", str(find_free_network_port()), "0")))
