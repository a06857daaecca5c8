"""The options of `leakbench speed`. This file imports nothing heavy, because `--help` has to answer at once."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.host.capacity import check_threads

HELP = """The published loop (one victim after another, torch.optim.LBFGS, autograd twice) and the engine take turns on
the same victims. Overrides are those of `leakbench run`; the default is attack=idlg.

examples:
  leakbench speed
  leakbench speed --json > speed.json
  leakbench speed attack=dlg data.set=mnist engine.chunk=64 --seconds 10
  leakbench speed model=resnet20 --chunks 1,8 --no-success
  leakbench speed --variant attack.history=20 --variant "engine.dtype=float64 engine.chunk=16"
  leakbench speed --scale                                  also: time and memory from 200 to 5,000 victims
  leakbench speed --workers                                also: one process per core against one process of all cores

There are at least 256 victims, and at least four times the chunk; data.victims has no effect here. The engine works as
it does for a cell of 1,000 victims, which decides on compiling."""


@dataclass(frozen=True)
class Options:
    """The options of `leakbench speed`: what is measured, and for how long.

    Args:
        overrides: the overrides of `leakbench run`.
        config_dir: a folder with options of the user's own.
        rounds: the number of turns per contestant, over which medians are taken.
        seconds: the duration of a turn.
        victims: the number of victims that the loop runs to their end, for the seconds per success.
        chunks: the chunk sizes of the table.
        threads: the numbers of threads of the loop and of the table.
        variants: further engines that take turns, each as a list of overrides.
        success: whether victims are run to their end.
        memory: whether peak memory is measured.
        scale: whether time and memory are measured for growing numbers of victims.
        workers: whether one process per core is compared with one process of all cores.
    """

    overrides: Sequence[str]
    config_dir: Path | None = None
    rounds: int = 5
    seconds: float = 5.0
    victims: int = 8
    chunks: Sequence[int] = (1, 8, 32, 128)
    threads: Sequence[int] = (1, 2)
    variants: Sequence[Sequence[str]] = ()
    success: bool = True
    memory: bool = True
    scale: bool = False
    workers: bool = False

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Options:
        """Makes the options from the parsed command line."""
        return cls(
            overrides=arguments.overrides,
            config_dir=arguments.config_dir,
            rounds=arguments.rounds,
            seconds=arguments.seconds,
            victims=arguments.victims,
            chunks=arguments.chunks,
            threads=arguments.threads,
            variants=[text.split() for text in arguments.variant],
            success=arguments.success,
            memory=arguments.memory,
            scale=arguments.scale,
            workers=arguments.workers,
        )


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options to the parser of the subcommand; argparse refuses a value out of range in one line."""
    add = command.add_argument
    add("--rounds", type=_count, default=5, metavar="N", help="turns of each; results are medians (default 5)")
    add("--seconds", type=_seconds, default=5.0, metavar="S", help="seconds per turn (default 5)")
    add("--victims", type=_count, default=8, metavar="N", help="victims that the loop runs to their end (default 8)")
    add("--chunks", type=_counts, default=(1, 8, 32, 128), metavar="N,N", help="chunk sizes (default 1,8,32,128)")
    add("--threads", type=_threads_of_ours, default=_threads(), metavar="N,N", help="numbers of threads (default 1,2)")
    add("--variant", action="append", default=[], metavar="OVERRIDES", help="one more engine; may be repeated")
    add("--no-success", action="store_false", dest="success", help="leave out the whole runs (the longest part)")
    add("--no-memory", action="store_false", dest="memory", help="leave out peak memory")
    add("--workers", action="store_true", help="also compare one process per core with one process of all cores")
    add("--scale", action="store_true", help="also measure time and memory from 200 to 5,000 victims of a tiny model")


def _threads() -> tuple[int, ...]:
    return (1, 2) if (os.cpu_count() or 1) > 1 else (1,)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    found = tuple(_count(word.strip()) for word in text.split(","))
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text!r} names a number twice")
    return found


def _threads_of_ours(text: str) -> tuple[int, ...]:
    found = _counts(text)
    check_threads(max(found), "--threads")
    return found


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return found
