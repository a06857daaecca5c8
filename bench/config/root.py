"""The form of a config: its groups, and the keys of those that no option describes."""

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bench.config.instantiate import (
    NodeFacts,
)

_MACHINE = 65_536  # a bound far above the devices of any machine and the machines of any cluster
Target = typing.NewType("Target", object)  # a node that must name its constructor


@dataclass
class EngineConfig:
    """The keys of configs/engine: how many victims are worked on at once, and in which precision.

    Args:
        chunk: the number of victims worked on at once; None lets the engine choose.
        compile: whether the objective is compiled; `auto` lets the engine choose.
        threads: the number of threads of the processor; None lets the engine choose.
        dtype: the precision of the client's step and of the attack's computation.
        tf32: whether matrix products on a GPU may use TF32.
    """

    chunk: int | None
    compile: bool | Literal["auto"]
    threads: int | None
    dtype: Literal["float32", "float64"]
    tf32: bool

    def __post_init__(self) -> None:
        if self.chunk is not None:
            _at_least("chunk", self.chunk, 1, "victims worked on at once")
        if self.threads is not None:
            _at_least("threads", self.threads, 1, "threads of the processor")


@dataclass
class ReportConfig:
    """The keys of configs/report: how much is stored beside the rows.

    Args:
        images: the number of victims whose images or sentences are stored for the report.
        reconstructions: whether the reconstructions of all victims are stored, so that they can be scored again.
    """

    images: int
    reconstructions: Literal["all", "none"]

    def __post_init__(self) -> None:
        _at_least("images", self.images, 0, "victims whose images or sentences are stored")


@dataclass
class Paths:
    """The keys of configs/paths: the folders of data sets and of pretrained weights."""

    data: str
    weights: str


@dataclass
class Trainer:
    """The keys of configs/trainer: the arguments that `pytorch_lightning.Trainer` is given."""

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"]
    devices: int | Literal["auto"] | list[int]
    num_nodes: int
    strategy: str
    precision: Literal["32-true"]
    inference_mode: Literal[False]
    deterministic: bool | Literal["warn"]
    enable_model_summary: bool
    enable_checkpointing: bool

    def __post_init__(self) -> None:
        _at_least("num_nodes", self.num_nodes, 1, "machines")
        _at_most("num_nodes", self.num_nodes, _MACHINE, "machines")
        if isinstance(self.devices, int) and self.devices != -1:
            _at_least("devices", self.devices, 1, "processors or GPUs; -1 or auto for all")
            _at_most("devices", self.devices, _MACHINE, "processors or GPUs of a machine")
        if isinstance(self.devices, list):
            _check_numbers("devices", self.devices, self.accelerator)


@dataclass
class Bare(NodeFacts):
    """The keys of a group whose options may need no constructor, such as configs/defense/none."""


@dataclass
class Names:
    """The option that was chosen from each group with a column in the leaderboard; `compose` fills it in."""

    attack: str
    data: str
    model: str
    defense: str
    threat: str
    training: str | None


@dataclass
class Root:
    """The keys of configs/run.yaml, which is a whole cell."""

    attack: Target
    data: Target
    model: Target
    defense: Bare
    threat: Target
    metric: Mapping[str, Target]
    engine: EngineConfig
    trainer: Trainer
    executor: Target
    logger: Target
    report: ReportConfig
    paths: Paths
    seed: int
    results: str
    suite: str | None
    names: Names
    training: Target | None = None  # None unless the cell is a training
    measure: Literal["labels", "limit", "identification"] | None = None  # None if the cell reconstructs


def _at_least(name: str, value: int, least: int, meaning: str) -> None:
    if value < least:
        raise ValueError(f"{name}={value}: must be >= {least} ({meaning})")


def _at_most(name: str, value: int, most: int, meaning: str) -> None:
    if value > most:
        raise ValueError(f"{name}={value}: must be <= {most:,} ({meaning})")


def _check_numbers(name: str, numbers: list[int], accelerator: str) -> None:
    words = f"{name}=[{','.join(map(str, numbers))}]"
    if not numbers or min(numbers) < 0:
        raise ValueError(f"{words}: want the numbers of GPUs, from 0")
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"{words}: names a GPU twice")
    if accelerator == "cpu":
        raise ValueError(f"{words}: GPUs have numbers; with trainer.accelerator=cpu say how many processes")
