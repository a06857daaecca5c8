"""Runs cells on this machine, one after another or side by side."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from omegaconf import DictConfig

from bench.config.instantiate import instantiate
from bench.errors import UserError
from bench.executors.places import divided, named, suggested
from bench.executors.processes import Group, crowded, ranks
from bench.host.capacity import check_processes
from bench.running.cell import run_cell
from bench.running.devices import devices
from bench.running.executor import ERROR, Executor, Result, Results, attempt
from bench.terminal.progress import console


class LocalExecutor(Executor):
    """Runs cells one after another in this process, or `workers` of them at a time in processes of their own.

    In both cases a cell on several devices has one process per device. This process never joins a process group, so a
    rank that dies ends its cell and nothing else.

    Args:
        workers: the number of cells that run at once; the cores or GPUs are divided among them. None chooses one per
            GPU, or one per core on a CPU (see `bench.executors.places.suggested`).

    Raises:
        ValueError: `workers` is below 1.
    """

    def __init__(self, workers: int | None) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"workers={workers}: must be >= 1 (cells side by side), or null to find out")
        self.workers = workers

    def run(self, cells: Sequence[DictConfig]) -> Results:
        """Runs the cells and yields `(index, result)` in the order in which they end.

        Raises:
            UserError: the processes cannot be started here, or the devices cannot be divided among the workers.
        """
        if any(crowded(cfg) for cfg in cells) and len(cells) > 1:
            raise UserError(
                "a suite starts the processes of its cells itself: call it once, without torchrun or srun, or say "
                "executor=slurm (leakbench run may be called by either)"
            )
        workers = min(self.workers or suggested(cells), len(cells))
        if workers < 2:
            return in_turn(cells)
        kinds = {devices(cfg).kind for cfg in cells}
        if len(kinds) > 1 or any(named(cfg) for cfg in cells):
            raise UserError(
                f"executor.workers={workers} divides the devices of one kind: say trainer.accelerator and a number "
                "of trainer.devices, the same kind for all cells"
            )
        most = workers * max(map(ranks, cells))
        check_processes(most, f"executor.workers={workers}" + (f", {most // workers} each" if most > workers else ""))
        return _SideBySide(cells, divided(workers, kinds.pop())).results()


def in_turn(cells: Sequence[DictConfig]) -> Results:
    """Runs one cell after another, in this process if the cell needs only one, and yields `(index, result)`."""
    for index, cfg in enumerate(cells):
        yield index, run_alone(cfg, shown=len(cells) == 1)


def run_alone(cfg: DictConfig, *, shown: bool) -> Result:
    """Runs one cell with no other beside it.

    Args:
        cfg: the resolved cell.
        shown: whether the processes of a cell on several devices may write to stderr themselves.
    """
    sized = attempt(lambda: {"ranks": ranks(cfg)})
    if sized.document is None:
        return sized
    if sized.document["ranks"] == 1:
        return attempt(lambda: run_cell(cfg))
    size = sized.document["ranks"]
    with Group(size, divided(size, "cpu")[0], shown=shown) as group:
        result = group.run(cfg)
        _relay(group)
        return result


def run_one(cfg: DictConfig) -> dict[str, Any]:
    """Runs a single cell with the executor that its config names, and returns its document.

    Raises:
        UserError: the request cannot be carried out.
        NotApplicable: the attack cannot serve the cell.
        CellFailed: the cell failed in another process. A failure in this process keeps its own exception.
    """
    executor: Executor = instantiate(cfg.executor, "executor")
    if isinstance(executor, LocalExecutor) and ranks(cfg) == 1:
        return run_cell(cfg)
    with closing(executor.run([cfg])) as running:
        ((_, result),) = running
    if result.trace:
        console.print(result.trace, style="dim", markup=False)
    return result.unwrap()


class _SideBySide:
    """Runs cells side by side: one thread per place feeds the processes of that place and queues their results."""

    def __init__(self, cells: Sequence[DictConfig], places: Sequence[dict[str, str]]) -> None:
        self._cells, self._sizes = cells, [ranks(cfg) for cfg in cells]
        self._waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(cells)):
            self._waiting.put(index)
        self._results: queue.SimpleQueue[tuple[int, Result]] = queue.SimpleQueue()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._feed, args=(place,), daemon=True) for place in places]

    def results(self) -> Results:
        """Starts the threads and yields `(index, result)` in the order in which the cells end."""
        for thread in self._threads:
            thread.start()
        try:
            for _ in self._cells:
                yield self._results.get()
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()

    def _feed(self, place: dict[str, str]) -> None:
        group: Group | None = None
        try:
            while not self._over.is_set():
                index = self._waiting.get_nowait()
                size = self._sizes[index]
                try:
                    if group is None or not group.alive or group.size != size or size > 1:
                        if group is not None:
                            group.stop()
                        threads = max(1, int(place["OMP_NUM_THREADS"]) // size)
                        group = Group(size, {**place, "OMP_NUM_THREADS": str(threads)}, shown=False)
                    result = group.run(self._cells[index], self._over.is_set)
                    _relay(group)
                except OSError as error:  # no process can be started, or the disk is full: the other cells go on
                    result = Result(ERROR, reason=f"{type(error).__name__}: {error}")
                self._results.put((index, result))
        except queue.Empty:
            pass
        finally:
            if group is not None:
                group.stop()


def _relay(group: Group) -> None:
    """Prints the processes' own messages, one line each, as they would appear if the cell ran in this process."""
    for line in group.said().splitlines():
        if line.startswith("leakbench: "):
            console.print(line, markup=False, soft_wrap=True)
