"""Runs cells as tasks of a Ray cluster (https://docs.ray.io)."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig

from bench.errors import UserError
from bench.executors.remote import Job, demands, root
from bench.host import signals
from bench.running.executor import ERROR, Executor, Result, Results

_LOOK = 0.5  # seconds between two checks for signals during a wait for results
_LEAVING = 6.0  # seconds that cancelled cells have to store their victims; this process has `signals.GRACE` to end


class Ray(Executor):
    """Runs each cell as a task that declares its CPUs and GPUs. If a node dies, its cell runs again.

    The victims that the cell has stored by then are not computed again. All nodes have to see the results folder under
    the same path.

    Args:
        address: the address of a running cluster (`auto`, `HOST:PORT`, `ray://HOST:PORT`); None starts one on this
            machine.
        cpus: CPUs per cell; None for one per process.
        gpus: GPUs per cell; None for `trainer.devices` if `trainer.accelerator` is gpu or cuda, else 0.
        memory_gb: GiB of memory per cell; None declares none.
        retries: how often a cell whose node died runs again.

    Raises:
        UserError: Ray is not installed (extra `cluster`).
        ValueError: a number is out of its range.
    """

    def __init__(
        self, address: str | None, cpus: int | None, gpus: int | None, memory_gb: float | None, retries: int
    ) -> None:
        if find_spec("ray") is None:
            raise UserError("executor=ray is not installed; run: pip install 'leakbench[cluster]'")
        for name, value, least in (("cpus", cpus, 1), ("gpus", gpus, 0), ("retries", retries, 0)):
            if value is not None and value < least:
                raise ValueError(f"{name}={value}: must be >= {least}")
        if memory_gb is not None and memory_gb <= 0:
            raise ValueError(f"memory_gb={memory_gb}: must be above 0, or null")
        self.address, self.cpus, self.gpus, self.memory_gb, self.retries = address, cpus, gpus, memory_gb, retries

    def run(self, cells: Sequence[DictConfig]) -> Results:
        """Runs the cells and yields `(index, result)` in the order in which they end.

        Raises:
            UserError: no cluster answers, no node has what a cell needs, or a cell needs several nodes.
        """
        import ray

        if any(cfg.trainer.num_nodes > 1 for cfg in cells):
            raise UserError("executor=ray runs a cell on one node: for trainer.num_nodes > 1 take executor=slurm")
        ours = not ray.is_initialized()
        if ours:
            self._connect()
            signals.listen()  # Ray has replaced the signal handlers
        refs: dict[Any, int] = {}
        try:
            self._check(cells)
            refs = {self._submit(cfg): index for index, cfg in enumerate(cells)}
            while refs:
                with signals.held():  # Ray would drop the exception of a signal and go on waiting
                    ended, _ = ray.wait(list(refs), num_returns=1, timeout=_LOOK)
                for ref in ended:
                    yield refs.pop(ref), _result(ref)
        finally:
            for ref in refs:
                ray.cancel(ref)
            if refs:  # a worker that is killed while it works leaves the cell's processes behind
                ray.wait(list(refs), num_returns=len(refs), timeout=_LEAVING)
            if ours:
                ray.shutdown()

    def _connect(self) -> None:
        import ray

        self._reach()
        # The workers import bench from the same folder as this process.
        known = os.environ.get("PYTHONPATH")
        path = os.pathsep.join([root(), known] if known else [root()])
        try:
            ray.init(
                address=self.address or "local",
                runtime_env={"env_vars": {"PYTHONPATH": path}},
                log_to_driver=False,
                include_dashboard=False if self.address is None else None,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            first = str(error).strip().splitlines()[0]
            raise UserError(f"executor.address={self.address}: no Ray cluster answers there ({first})") from None

    def _reach(self) -> None:
        """Refuses an address that does not answer, because Ray itself would wait for it for many minutes."""
        host, colon, port = (self.address or "").removeprefix("ray://").rpartition(":")
        if not colon:
            return
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except (OSError, ValueError) as error:
            raise UserError(f"executor.address={self.address}: no Ray cluster answers there ({error})") from None

    def _check(self, cells: Sequence[DictConfig]) -> None:
        """Refuses a cell that no node can take, because its task would wait forever."""
        import ray

        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        for cfg in cells:
            cpus, gpus = demands(cfg, self.cpus, self.gpus)
            if not any(node.get("CPU", 0) >= cpus and node.get("GPU", 0) >= gpus for node in nodes):
                most = ", ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes)
                raise UserError(f"a cell needs {cpus} CPUs and {gpus} GPUs; the cluster's nodes have {most}")

    def _submit(self, cfg: DictConfig) -> Any:
        import ray

        cpus, gpus = demands(cfg, self.cpus, self.gpus)
        memory = None if self.memory_gb is None else int(self.memory_gb * 2**30)
        task = ray.remote(_run).options(num_cpus=cpus, num_gpus=gpus, memory=memory, max_retries=self.retries)
        return task.remote(Job.of(cfg))


def _run(job: Job) -> Result:
    return job()


def _result(ref: Any) -> Result:
    import ray

    try:
        found: Result = ray.get(ref)
    except ray.exceptions.RayError as error:  # for example, its node died too often, or a worker cannot import bench
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        return Result(ERROR, reason=f"{type(error).__name__}: {' '.join(lines[0].split()) if lines else ''}")
    return found
