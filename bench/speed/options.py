"""What `leakbench speed` can be asked for. Imports nothing heavy: the help has to answer at once."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.host.capacity import check_threads

HELP = """The published loop (one victim after another, torch.optim.LBFGS, autograd twice) and the engine take turns on
the same victims. Overrides are those of `leakbench run`; attack=idlg where nothing else is said.

examples:
  leakbench speed
  leakbench speed --json > speed.json
  leakbench speed attack=dlg data.set=mnist engine.chunk=64 --seconds 10
  leakbench speed model=resnet20 --chunks 1,8 --no-success
  leakbench speed --variant attack.history=20 --variant "engine.dtype=float64 engine.chunk=16"
  leakbench speed --scale                                  also: time and memory from 200 to 5,000 victims
  leakbench speed --workers                                also: a process a core against one of all cores

How many victims there are follows from the chunk (four times as many); data.victims plays no part."""


@dataclass(frozen=True)
class Options:
    """How long and how much is measured.

    Args:
        overrides: of `leakbench run`.
        config_dir: a folder with options of the user's own.
        rounds: turns of each contestant, medians are taken over them.
        seconds: of each turn.
        victims: whole runs of the loop, for the seconds that a success costs.
        chunks, threads: of the table.
        variants: further engines to take turns, each a list of overrides.
        success, memory, scale, workers: whether that part is measured.
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
        """From the command line's words."""
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
    """The options of the subcommand; a value out of range is argparse's to refuse, in one line."""
    add = command.add_argument
    add("--rounds", type=_count, default=5, metavar="N", help="turns of each; medians are over them (default 5)")
    add("--seconds", type=_seconds, default=5.0, metavar="S", help="of each turn (default 5)")
    add("--victims", type=_count, default=8, metavar="N", help="whole runs of the loop (default 8)")
    add("--chunks", type=_counts, default=(1, 8, 32, 128), metavar="N,N", help="of the table (default 1,8,32,128)")
    add("--threads", type=_threads_of_ours, default=_threads(), metavar="N,N", help="of loop and table (default 1,2)")
    add("--variant", action="append", default=[], metavar="OVERRIDES", help="one more engine; may be repeated")
    add("--no-success", action="store_false", dest="success", help="without whole runs (the longest part)")
    add("--no-memory", action="store_false", dest="memory", help="without peak memory")
    add("--workers", action="store_true", help="also: a process a core against one process of all cores")
    add("--scale", action="store_true", help="also time and memory from 200 to 5,000 victims of a tiny model")


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
