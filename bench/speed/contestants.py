"""Who takes turns: the published loop, and the engine. Each measures its own rate, and runs victims to their end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from bench.engine.parametrisation import Pixels
from bench.engine.state import Progress
from bench.leakage import select
from bench.messages import Reconstruction, Status
from bench.speed.sequential import HISTORY
from bench.speed.setting import Setting, synchronise

SUCCESS = 1e-2  # mean squared error of clipped images at or below which a reconstruction counts
_CHUNKS = 4  # of victims in whole runs of the engine
_FILL = 1.5  # evaluations a victim, in units of the history, before the clock starts
_FILL_WITHOUT_HISTORY = 10


@dataclass(frozen=True)
class Rate:
    """One turn: evaluations of the objective with its gradient, and the wall time that they and the optimiser took.

    `startup` is the time from the call to the end of the first evaluation.
    """

    evaluations: int
    seconds: float
    startup: float = 0.0

    @property
    def per_second(self) -> float:
        """Evaluations a second."""
        return self.evaluations / self.seconds


@dataclass(frozen=True)
class Whole:
    """Victims run to their end; `successes` counts images with a mean squared error at or below 1e-2."""

    victims: int
    images: int
    successes: int
    evaluations: int
    seconds: float

    @property
    def per_success(self) -> float | None:
        """Seconds for one; None where there is none."""
        return self.seconds / self.successes if self.successes else None


class LoopContestant:
    """The published loop at a number of threads. Its turns go on where the last one ended, victim after victim."""

    def __init__(self, setting: Setting, threads: int) -> None:
        self.setting, self.threads = setting, threads
        self._steps = self._all_victims()

    def turn(self, seconds: float) -> Rate:
        """Whole calls of `step()` until the time is over."""
        torch.set_num_threads(self.threads)
        evaluations, began = 0, time.perf_counter()
        while True:
            evaluations += next(self._steps)
            synchronise()
            passed = time.perf_counter() - began
            if passed >= seconds:
                return Rate(evaluations, passed)

    def warm_up(self) -> Rate:
        """Until the history is full."""
        torch.set_num_threads(self.threads)
        wanted, evaluations, began = fill(HISTORY), 0, time.perf_counter()
        while evaluations < wanted:
            evaluations += next(self._steps)
        return Rate(evaluations, time.perf_counter() - began)

    def whole(self, victims: int) -> Whole:
        """The first victims of the pool, each to its end."""
        torch.set_num_threads(self.threads)
        setting, loop = self.setting, self.setting.loop()
        rows, evaluations, began = [], 0, time.perf_counter()
        for victim in range(victims):
            for moment in loop.run(victim, setting.published_start(victim)):
                last = moment
            evaluations += last.evaluations
            rows.append(last.z.clone())
        synchronise()
        seconds = time.perf_counter() - began
        images, _ = replace(setting.layout, variables=Pixels()).split(torch.stack(rows))
        nothing = torch.zeros(victims, dtype=torch.long)
        claim = Reconstruction(
            ids=setting.seen.ids[:victims],
            inputs=images,
            labels=torch.full(images.shape[:2], -1, device=images.device),
            objective=nothing.double(),
            iterations=nothing,
            evaluations=nothing,
            seconds=nothing.double(),
            status=[Status.BUDGET] * victims,
        )
        return Whole(victims, images.shape[0] * images.shape[1], _successes(setting, claim), evaluations, seconds)

    def _all_victims(self) -> Iterator[int]:
        """The evaluations of each call of `step()`, without end."""
        setting, loop = self.setting, self.setting.loop()
        while True:
            for victim in range(len(setting.seen)):
                before = 0
                for moment in loop.run(victim, setting.published_start(victim)):
                    yield moment.evaluations - before
                    before = moment.evaluations


class EngineContestant:
    """The engine, with the attack's own settings. Every turn begins anew and is timed once the histories are full."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._fill = fill(setting.history)

    def turn(self, seconds: float) -> Rate:
        """Times evaluations while every slot has a victim; the pool is gone through again where it ends too early."""
        evaluations, passed, startup = 0, 0.0, []
        while passed < seconds:
            meter = self._pass(seconds - passed)
            evaluations, passed = evaluations + meter.evaluations, passed + meter.seconds
            startup.append(meter.startup)
            if meter.evaluations == 0:
                self._fill = max(1, self._fill // 2)  # the pool is used up before the histories are full
        return Rate(evaluations, passed, min(startup))

    def warm_up(self) -> Rate:
        """A first, short turn: what the engine does once (measuring, tracing, compiling) is in its `startup`."""
        return self.turn(1e-9)

    def whole(self, victims: int) -> Whole:
        """The first victims of the pool, each to its end: `victims`, or four chunks if that is more.

        Many, because it is what many cost that is asked for: with few of them slots would run empty most of the time.
        """
        setting = self.setting
        torch.set_num_threads(setting.threads)
        setting.components.engine.watch = None
        count = min(max(victims, _CHUNKS * setting.tuned.slots), len(setting.seen))
        seen = setting.seen.take(torch.arange(count, device=setting.seen.ids.device))
        began = time.perf_counter()
        claims = list(setting.attack.reconstruct(seen, setting.cfg.seed))
        synchronise()
        seconds = time.perf_counter() - began
        evaluations = sum(int(claim.evaluations.sum()) for claim in claims)
        successes = sum(_successes(setting, claim) for claim in claims)
        return Whole(count, setting.victims.labels[:count].numel(), successes, evaluations, seconds)

    def _pass(self, seconds: float) -> _Meter:
        setting = self.setting
        torch.set_num_threads(setting.threads)
        meter = _Meter(setting, self._fill, seconds)
        setting.components.engine.watch = meter
        try:
            for _ in setting.attack.reconstruct(setting.seen, setting.cfg.seed):
                pass
        except _Enough:
            pass
        finally:
            setting.components.engine.watch = None
        return meter


class _Enough(Exception):
    """Ends a run of the engine from inside its watch."""


class _Meter:
    """Watches the engine: it is called after each evaluation of all slots."""

    def __init__(self, setting: Setting, fill: int, limit: float) -> None:
        self.setting, self.fill, self.limit = setting, fill, limit
        self.evaluations, self.seconds, self.startup = 0, 0.0, 0.0
        self._calls = 0
        self._made = self._began = time.perf_counter()

    def __call__(self, progress: Progress) -> None:
        synchronise()
        now = time.perf_counter()
        slots = self.setting.tuned.slots
        self._calls += 1
        if self._calls == 1:
            self.startup = now - self._made
        if progress.active < slots:
            raise _Enough
        if self._calls <= self.fill:
            self._began = now
            return
        self.evaluations += progress.active
        self.seconds = now - self._began
        if self.seconds >= self.limit:
            raise _Enough


def fill(history: int) -> int:
    """Evaluations a victim after which a history is full."""
    return int(_FILL * history) if history else _FILL_WITHOUT_HISTORY


def _successes(setting: Setting, claim: Reconstruction) -> int:
    """Images at or below the limit; a failed victim has none."""
    scores = setting.components.scorer(claim, select(setting.victims, claim.ids))
    failed = torch.tensor([status.failed for status in claim.status])
    return int(((scores.values["mse"].cpu() <= SUCCESS) & ~failed.unsqueeze(1)).sum())
