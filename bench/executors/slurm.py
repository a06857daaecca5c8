"""Runs cells as jobs of a SLURM array, through submitit (https://github.com/facebookincubator/submitit)."""

from __future__ import annotations

import importlib
import os
import shlex
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from bench.errors import UserError
from bench.executors.remote import Job, demands, root
from bench.host import signals
from bench.host.capacity import A_CORE, cores
from bench.running.executor import DONE, ERROR, Executor, Result, Results

if TYPE_CHECKING:
    import submitit

_LOOK = {"slurm": 5.0, "local": 0.2}  # seconds between two looks at the jobs
_WORDS = ("slurm", "local")
_LEAVING = 6.0  # seconds that local jobs have to store their victims; this process has `signals.GRACE` to end
_OF_THIS_MACHINE = "SUBMITIT_LOCAL_JOB_ID"  # submitit sets it in a job of its local executor


class Slurm(Executor):
    """Runs each cell as a job with one task per device.

    `srun` starts the tasks, so that Lightning finds its ranks as under `trainer=slurm`. SLURM warns a job `signal_s`
    seconds before its time limit; the job then stores its finished victims and is queued again.

    Args:
        cluster: `slurm`, or `local` for processes on this machine (for trials).
        partition: SLURM's partition; None for the cluster's default.
        account: SLURM's account; None for the cluster's default.
        qos: SLURM's quality of service; None for the cluster's default.
        minutes: the time limit of a cell, in minutes.
        cpus: CPUs per device.
        gpus: GPUs per machine of a cell; None for `trainer.devices` if `trainer.accelerator` is gpu or cuda, else 0.
        memory_gb: GB of memory per machine of a cell; None for the cluster's default.
        at_once: the most jobs of the array that run at once.
        signal_s: how many seconds before the time limit SLURM sends its warning.
        requeues: how often a job that ran out of time is queued again.
        setup: lines of shell to run before the job's command (modules, environments).
        further: other `#SBATCH` settings, `{name: value}`.

    Raises:
        UserError: submitit is not installed (extra `cluster`).
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        cluster: str,
        partition: str | None,
        account: str | None,
        qos: str | None,
        minutes: int,
        cpus: int,
        gpus: int | None,
        memory_gb: float | None,
        at_once: int,
        signal_s: int,
        requeues: int,
        setup: list[str],
        further: Mapping[str, Any],
    ) -> None:
        if find_spec("submitit") is None:
            raise UserError("executor=slurm is not installed; run: pip install 'leakbench[cluster]'")
        if cluster not in _WORDS:
            raise ValueError(f"cluster={cluster!r}: want {' or '.join(_WORDS)}")
        for name, value in (("minutes", minutes), ("cpus", cpus), ("at_once", at_once), ("signal_s", signal_s)):
            if value < 1:
                raise ValueError(f"{name}={value}: must be >= 1")
        if requeues < 0:
            raise ValueError(f"requeues={requeues}: must be >= 0")
        self.cluster, self.minutes, self.cpus, self.gpus, self.memory_gb = cluster, minutes, cpus, gpus, memory_gb
        self.at_once, self.signal_s, self.requeues, self.setup = at_once, signal_s, requeues, list(setup)
        self.places = {"partition": partition, "account": account, "qos": qos}
        self.further = dict(further)

    def run(self, cells: Sequence[DictConfig]) -> Results:
        """Submits the cells and yields `(index, result)` in the order in which they end.

        Raises:
            UserError: SLURM is not available here.
        """
        jobs: dict[int, submitit.Job[Result]] = {}
        try:
            waiting = self._arrays(cells)
            while jobs or waiting:
                while waiting and (self.cluster == "slurm" or not jobs):
                    alike = waiting.pop(0)
                    jobs |= zip(alike, self._submit([cells[index] for index in alike]))
                for index in [index for index, job in jobs.items() if job.done()]:
                    yield index, _result(jobs.pop(index))
                if jobs:
                    time.sleep(_LOOK[self.cluster])
        finally:
            _end(list(jobs.values()), here=self.cluster == "local")

    def _arrays(self, cells: Sequence[DictConfig]) -> list[list[int]]:
        """The indices of the cells that are submitted together.

        For `cluster=local` an array is split, because this machine would start all of its jobs at once.
        """
        most = min(self.at_once, A_CORE * cores()) if self.cluster == "local" else len(cells)
        return [alike[i : i + most] for alike in _alike(cells) for i in range(0, len(alike), most)]

    def _submit(self, cells: Sequence[DictConfig]) -> list[submitit.Job[Result]]:
        """Submits one array of cells that need the same machines."""
        submitit = _submitit()
        folder = Path(cells[0].results).absolute() / "jobs"
        try:
            executor = submitit.AutoExecutor(
                folder / "%j", cluster=self.cluster, **{f"{self.cluster}_max_num_timeout": self.requeues}
            )
        except RuntimeError as error:
            raise UserError(f"executor=slurm: {error}") from None
        executor.update_parameters(**self.parameters(cells[0]))
        with _deaf_to_the_terminal(), executor.batch():  # one batch becomes one array
            return [executor.submit(Submitted.of(cfg)) for cfg in cells]

    def parameters(self, cfg: DictConfig) -> dict[str, Any]:
        """The parameters with which submitit is asked for the jobs of a cell."""
        devices, gpus = demands(cfg, None, self.gpus)
        shared = {
            "name": "leakbench",
            "timeout_min": self.minutes,
            "cpus_per_task": self.cpus,
            "gpus_per_node": gpus,
            "nodes": cfg.trainer.num_nodes,
            "tasks_per_node": devices if self.cluster == "slurm" else 1,
        }
        if self.memory_gb is not None:
            shared["mem_gb"] = self.memory_gb
        places = {f"slurm_{name}": value for name, value in self.places.items() if value is not None}
        slurm = {
            **places,
            "slurm_array_parallelism": self.at_once,
            "slurm_signal_delay_s": self.signal_s,
            "slurm_setup": [f"export PYTHONPATH={shlex.quote(root())}:$PYTHONPATH", *self.setup],
            "slurm_additional_parameters": self.further,
        }
        return shared | slurm


class Submitted(Job):
    """A job that SLURM may end early: it stores its finished victims, and continues when it is started again."""

    def __call__(self) -> Result:
        """Runs the cell as `Job` does; with `cluster=local` SIGTERM ends it, although submitit ignores SIGTERM."""
        if _OF_THIS_MACHINE not in os.environ:
            return super().__call__()
        signal.signal(signal.SIGTERM, _leave)
        try:
            return super().__call__()
        except signals.Interrupted as error:
            return Result(ERROR, reason=str(error))

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """Stops the cell and returns the job that continues it; submitit calls this on SLURM's warning."""
        self.stop()
        return _submitit().helpers.DelayedSubmission(Submitted(self.config, self.folder))


def _leave(number: int, frame: FrameType | None) -> None:
    """Handles SIGTERM once, because a second signal would interrupt the ending itself."""
    signal.signal(number, signal.SIG_IGN)
    raise signals.Interrupted(number)


def _end(jobs: Sequence[submitit.Job[Result]], *, here: bool) -> None:
    """Ends jobs: SLURM cancels its own; jobs on this machine (`here`) get SIGTERM and are waited for.

    submitit would send SIGINT to a job on this machine. Its controller would then end with a traceback on stderr, and
    kill the job a second later.
    """
    if not here:
        for job in jobs:
            job.cancel(check=False)
        return
    deadline = time.monotonic() + _LEAVING
    while time.monotonic() < deadline and (left := [job for job in jobs if not job.done()]):
        for job in left:  # repeatedly, because a job that is just starting ignores the signal
            with suppress(ProcessLookupError):
                os.kill(int(job.job_id), signal.SIGTERM)  # this is the controller, which passes the signal on
        time.sleep(_LOOK["local"])


@contextmanager
def _deaf_to_the_terminal() -> Iterator[None]:
    """Lets processes that are started in this block ignore SIGINT.

    A terminal sends SIGINT to all of them, but this process has to end the jobs in its own order.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _submitit() -> ModuleType:
    """Imports submitit without letting it configure the log.

    Its `dictConfig` would close every log handler of the process, and absl's handler, which transformers and others
    bring, would then close the stderr that it was given.
    """
    name = "SUBMITIT_LOG_LEVEL"
    given = os.environ.get(name)
    os.environ[name] = "NOCONFIG"
    try:
        return importlib.import_module("submitit")
    finally:  # jobs inherit the environment, and their logs should have submitit's messages
        os.environ.pop(name)
        if given is not None:
            os.environ[name] = given


def _alike(cells: Sequence[DictConfig]) -> list[list[int]]:
    """The indices of the cells per array; the cells of an array need the same machines and share a results folder."""
    groups: dict[str, list[int]] = {}
    for index, cfg in enumerate(cells):
        trainer = cfg.trainer
        groups.setdefault(f"{trainer.accelerator} {trainer.devices} {trainer.num_nodes} {cfg.results}", []).append(
            index
        )
    return list(groups.values())


def _result(job: submitit.Job[Result]) -> Result:
    """The first failure among the results of all ranks, or the result of rank zero if none failed."""
    submitit = _submitit()
    try:
        found = job.results()
    except submitit.core.utils.UncompletedJobError as error:
        last = (str(error).strip().splitlines() or ["it printed nothing"])[-1]
        return Result(ERROR, reason=f"job {job.job_id} ended without a result ({last}); see {job.paths.stderr}")
    except submitit.core.utils.FailedJobError as error:
        last = (str(error).strip().splitlines() or ["it printed nothing"])[-1]
        return Result(ERROR, reason=f"job {job.job_id} failed ({last}); see {job.paths.stderr}")
    return next((result for result in found if result.status != DONE), found[0])
