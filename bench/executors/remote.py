"""A cell as an object that can be sent to another machine, where it runs the cell in processes of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from omegaconf import DictConfig, OmegaConf

from bench.running.executor import ERROR, Result, attempt

if TYPE_CHECKING:
    from bench.executors.processes import Group


@dataclass
class Job:
    """A cell, and the folder that its relative paths refer to. Calling it runs the cell and returns a `Result`.

    The cell's processes are children of the calling process and end with it.
    """

    config: dict[str, Any]
    folder: str = field(default_factory=os.getcwd)
    _group: Group | None = field(init=False, default=None, repr=False)

    @classmethod
    def of(cls, cfg: DictConfig) -> Self:
        """Makes the job of a resolved cell."""
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        return cls(config)

    def __call__(self) -> Result:
        """Runs the cell in the folder in which the job was made, and returns its result."""
        from bench.executors.processes import Group, ranks
        from bench.host.capacity import cores

        try:
            os.chdir(self.folder)
        except OSError as error:
            machine = os.uname().nodename
            return Result(ERROR, reason=f"{self.folder} is not on {machine} ({error.strerror}): it has to be shared")
        cfg = OmegaConf.create(self.config)
        sized = attempt(lambda: {"ranks": ranks(cfg)})
        if sized.document is None:
            return sized
        size = sized.document["ranks"]
        threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, cores() // size))
        with Group(size, {"OMP_NUM_THREADS": threads}, shown=False) as self._group:
            return self._group.run(cfg)

    def stop(self) -> None:
        """Ends the cell's processes; the victims that they have finished are stored."""
        if self._group is not None:
            self._group.stop()


def root() -> str:
    """The folder that `bench` is imported from, which other machines have to find too."""
    import bench

    return str(Path(bench.__file__).resolve().parent.parent)


def demands(cfg: DictConfig, cpus: int | None, gpus: int | None) -> tuple[int, int]:
    """The numbers of CPUs and GPUs that a cell takes on each of its machines.

    Args:
        cfg: the cell.
        cpus: CPUs per cell; None for one per process.
        gpus: GPUs per cell; None for `trainer.devices` if `trainer.accelerator` is gpu or cuda, else 0.
    """
    devices = cfg.trainer.devices
    count = devices if isinstance(devices, int) and devices > 0 else len(devices) if not isinstance(devices, str) else 1
    if gpus is None:
        gpus = count if cfg.trainer.accelerator in ("gpu", "cuda") else 0
    return (count if cpus is None else cpus), gpus
