"""The whole measurement in one document: turns, whole runs, chunk sizes, and the limits of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch

from bench.speed import flops, machine, memory, scale, workers
from bench.speed.contestants import THRESHOLDS, EngineContestant, LoopContestant, Rate, Whole
from bench.speed.options import Options
from bench.speed.setting import Setting, prepare, with_defaults
from bench.speed.steps import Steps, next_step


@dataclass
class Turns:
    """The turns of one contestant.

    Args:
        contestant: the loop or an engine.
        warm_up: what it did before the first turn, which is not part of any rate.
        rates: the results of its turns.
    """

    contestant: LoopContestant | EngineContestant
    warm_up: Rate
    rates: list[Rate] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Evaluations per second, the median over the rounds."""
        return median(rate.per_second for rate in self.rates)

    def document(self) -> dict[str, Any]:
        """The contestant's part of the JSON document: its rate, and the rate of each round."""
        return {
            "evaluations_per_second": self.per_second,
            "rounds": [rate.per_second for rate in self.rates],
            "evaluations": sum(rate.evaluations for rate in self.rates),
            "seconds": sum(rate.seconds for rate in self.rates),
        }


def measure(options: Options) -> dict[str, Any]:
    """Measures what the options ask for and returns the document of `leakbench speed --json`.

    Raises:
        UserError: a setting cannot be built. This is raised before anything is measured.
    """
    threads = torch.get_num_threads()
    try:
        setting = prepare(options.overrides, options.config_dir, options.victims)
        variants = [prepare([*options.overrides, *words], options.config_dir) for words in options.variants]
        return _measure(options, setting, variants)
    finally:
        torch.set_num_threads(threads)


def _measure(options: Options, setting: Setting, variants: list[Setting]) -> dict[str, Any]:
    loops = [LoopContestant(setting, threads) for threads in options.threads]
    engines = [EngineContestant(setting), *(EngineContestant(variant) for variant in variants)]
    with Steps(options) as steps:
        turns = take_turns([*loops, *engines], options.rounds, options.seconds, steps)
        loop_turns, (ours, *others) = turns[: len(loops)], turns[len(loops) :]
        best = max(loop_turns, key=lambda one: one.per_second)
        document = {
            "ratio": ours.per_second / best.per_second,
            "seconds_per_success_ratio": None,
            **_facts(options, setting),
            "loop": _loop(loop_turns, best),
            "engine": _engine(ours, setting),
            "variants": [
                {"overrides": list(words), **_engine(one, variant), "ratio": one.per_second / best.per_second}
                for words, one, variant in zip(options.variants, others, variants)
            ],
            **_limits(setting, ours, variants, others, steps),
            "chunks": _chunks(options, best.per_second, steps),
            "seconds_per_success_ratios": None,
            "peak_memory": None,
            "scale": None,
            "workers": None,
            "reasons": {},
        }
        if options.success:
            _successes(options, best.contestant, engines, document, steps)
        if options.memory:
            _memory(options, document, steps)
        if options.workers:
            _workers(options, document, steps)
        if options.scale:
            _scale(options, document, steps)
    return document


def take_turns(
    contestants: Sequence[LoopContestant | EngineContestant], rounds: int, seconds: float, steps: Steps | None = None
) -> list[Turns]:
    """Lets contestants take turns (A B A B): each warms up once, then each takes one turn in every round.

    Args:
        contestants: the loops and engines.
        rounds: the number of turns per contestant.
        seconds: the duration of a turn.
        steps: the progress display, or None.
    """
    turns = []
    for contestant in contestants:
        next_step(steps, f"warm-up, {type(contestant).__name__.lower()}")
        turns.append(Turns(contestant, contestant.warm_up()))
    for number in range(rounds):
        for one in turns:
            next_step(steps, f"round {number + 1}, {type(one.contestant).__name__.lower()}")
            one.rates.append(one.contestant.turn(seconds))
    return turns


def _facts(options: Options, setting: Setting) -> dict[str, Any]:
    names, data = setting.cfg.names, setting.components.data
    return {
        "attack": names.attack,
        "data": data.title,
        "model": names.model,
        "variables": setting.layout.n,
        "batch_size": data.batch_size,
        "victims": len(setting.seen),
        "overrides": list(options.overrides),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "device": setting.device,
        "processor": machine.processor(),
        "torch": torch.__version__,
    }


def _loop(turns: list[Turns], best: Turns) -> dict[str, Any]:
    by_threads = [{"threads": one.contestant.threads, **one.document()} for one in turns]  # type: ignore[union-attr]
    return {"threads": best.contestant.threads, **best.document(), "by_threads": by_threads}  # type: ignore[union-attr]


def _engine(turns: Turns, setting: Setting) -> dict[str, Any]:
    tuned = setting.tuned
    again = median(rate.startup for rate in turns.rates)
    return {
        "threads": setting.threads,
        "chunk": tuned.slots,
        "compiled": tuned.compiled is not None,
        "one_by_one": tuned.one_by_one,
        "own_convolutions": tuned.own,
        "dtype": setting.components.engine.precision,
        "history": setting.history,
        "compile_seconds": tuned.compile_seconds,
        "tuning_seconds": max(0.0, turns.warm_up.startup - again - tuned.compile_seconds),
        "tuning": [
            {"chunk": slots, "mapped": mapped, "evaluations_per_second": rate}
            for (slots, mapped), rate in tuned.rates.items()
        ],
        "notice": tuned.notice or None,
        **turns.document(),
    }


def _limits(
    setting: Setting, ours: Turns, variants: list[Setting], others: list[Turns], steps: Steps
) -> dict[str, Any]:
    """What the machine can do with the engine's number of threads, and the engine's share of it."""
    steps.next("floating-point operations, matrix products, memory")
    device = setting.seen.ids.device
    operations = flops.count(setting)
    rate = machine.matmul_rate(device, setting.threads)
    moved = machine.bandwidth(device, setting.threads)
    return {
        "flops_per_evaluation": operations.total,
        "flops": {"matching": operations.matching, "matching_eager": operations.eager, "history": operations.history},
        "matmul_rate": rate,
        "share_of_matmul": operations.total * ours.per_second / rate,
        "bandwidth": moved,
        "history_traffic": [
            _traffic(one, turns.per_second, moved) for one, turns in zip([setting, *variants], [ours, *others])
        ],
    }


def _traffic(setting: Setting, per_second: float, bandwidth: float) -> dict[str, Any]:
    """The rate that the memory's bandwidth would allow, and the share of it that is reached.

    Args:
        setting: the setting of the engine or of a variant.
        per_second: its measured evaluations per second.
        bandwidth: the bandwidth of the memory, in bytes per second.
    """
    size = flops.history_bytes(setting)
    limit = bandwidth / size if size else None
    return {
        "history": setting.history,
        "bytes_per_evaluation": size,
        "evaluations_per_second_limit": limit,
        "share_of_limit": per_second / limit if limit else None,
    }


def _chunks(options: Options, loop: float, steps: Steps) -> list[dict[str, Any]]:
    rows = []
    for chunk in options.chunks:
        for threads in options.threads:
            steps.next(f"chunk {chunk}, {threads} threads")
            words = [*options.overrides, f"engine.chunk={chunk}", f"engine.threads={threads}"]
            engine = EngineContestant(prepare(words, options.config_dir))
            engine.warm_up()
            turn, tuned = engine.turn(options.seconds), engine.setting.tuned
            rows.append(
                {
                    "chunk": chunk,
                    "threads": threads,
                    "evaluations_per_second": turn.per_second,
                    "ratio": turn.per_second / loop,
                    "compiled": tuned.compiled is not None,
                    "compile_seconds": tuned.compile_seconds,
                }
            )
    return rows


def _successes(options: Options, loop: Any, engines: Sequence[Any], document: dict[str, Any], steps: Steps) -> None:
    """Adds whole runs to the document: the loop runs the first victims, engines the pool, which begins with them."""
    steps.next("whole runs, engine")
    ours, *others = (engine.whole(options.victims) for engine in engines)
    steps.next("whole runs, loop")
    theirs: Whole = loop.whole(options.victims)
    documents = [document["loop"], document["engine"], *document["variants"]]
    for one, whole in zip(documents, (theirs, ours, *others)):
        one |= _whole(whole)
    document["seconds_per_success_ratios"] = [
        _quotient(loop_needs, engine_needs) for loop_needs, engine_needs in zip(theirs.per_success, ours.per_success)
    ]
    document["seconds_per_success_ratio"] = document["seconds_per_success_ratios"][0]
    if document["seconds_per_success_ratio"] is None:
        none = " and ".join(name for name, whole in (("loop", theirs), ("engine", ours)) if not whole.successes[0])
        document["reasons"]["seconds_per_success_ratio"] = f"no success of the {none}: more --victims are needed"


def _whole(whole: Whole) -> dict[str, Any]:
    return {
        "seconds_per_success": whole.per_success[0],
        "whole_runs": {
            "victims": whole.victims,
            "images": whole.images,
            "successes": whole.successes[0],
            "success_rate": whole.successes[0] / whole.images,
            "evaluations_per_victim": whole.evaluations / whole.victims,
            "seconds": whole.seconds,
        },
        "thresholds": [
            {"mse": threshold, "successes": count, "seconds_per_success": needs}
            for threshold, count, needs in zip(THRESHOLDS, whole.successes, whole.per_success)
        ],
    }


def _quotient(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b is not None else None


def _memory(options: Options, document: dict[str, Any], steps: Steps) -> None:
    found = {}
    for kind in ("loop", "engine"):
        steps.next(f"peak memory, {kind}")
        try:
            found[kind] = memory.measure(kind, options.overrides, options.config_dir)
        except memory.ChildFailed as failure:
            document["reasons"][f"peak_memory {kind}"] = str(failure)
    document["peak_memory"] = found


def _workers(options: Options, document: dict[str, Any], steps: Steps) -> None:
    steps.next("one process of all cores against one process per core")
    words = with_defaults(options.overrides)
    try:
        document["workers"] = workers.measure(words, options.config_dir, options.rounds, options.seconds)
    except memory.ChildFailed as failure:
        document["reasons"]["workers"] = str(failure)


def _scale(options: Options, document: dict[str, Any], steps: Steps) -> None:
    steps.next(f"{scale.VICTIMS[0]} to {scale.VICTIMS[-1]} victims")
    try:
        document["scale"] = scale.measure(options.overrides, options.config_dir)
    except memory.ChildFailed as failure:
        document["reasons"]["scale"] = str(failure)
