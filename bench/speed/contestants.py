"""The two contestants, the published loop and the engine. Each measures its own rate, and runs victims to their end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bench.engine.state import Progress
from bench.leakage import select
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.speed.sequential import HISTORY
from bench.speed.setting import Setting, synchronise

# A reconstruction is a success if the mean squared error of its clipped image is at or below the threshold; the first
# one is meant where none is named.
THRESHOLDS = (1e-2, 1e-3, 1e-4)
_CHUNKS = 4  # the least number of chunks in whole runs of the engine
_FILL = 1.5  # evaluations per victim before the clock starts, as a multiple of the history's length
_FILL_WITHOUT_HISTORY = 10  # evaluations per victim before the clock starts, without a history


@dataclass(frozen=True)
class Rate:
    """The result of one turn.

    Args:
        evaluations: how often the objective and its gradient were evaluated.
        seconds: the wall time that the evaluations and the optimiser took.
        startup: the seconds from the call to the end of the first evaluation.
    """

    evaluations: int
    seconds: float
    startup: float = 0.0

    @property
    def per_second(self) -> float:
        """Evaluations per second of wall time."""
        return self.evaluations / self.seconds


@dataclass(frozen=True)
class Whole:
    """The result of running victims to their end.

    Args:
        victims: the number of victims.
        images: the number of their images.
        successes: the number of images with an MSE at or below each of `THRESHOLDS`.
        evaluations: how often the objective and its gradient were evaluated, over all victims.
        seconds: the wall time of all runs together.
    """

    victims: int
    images: int
    successes: tuple[int, ...]
    evaluations: int
    seconds: float

    @property
    def per_success(self) -> list[float | None]:
        """Seconds per success at each of `THRESHOLDS`; None if there is no success."""
        return [self.seconds / count if count else None for count in self.successes]


class LoopContestant:
    """The published loop with a number of threads. A turn continues where the last one ended, victim after victim."""

    def __init__(self, setting: Setting, threads: int) -> None:
        self.setting, self.threads = setting, threads
        self._steps = self._all_victims()

    def turn(self, seconds: float) -> Rate:
        """Times whole calls of `step()` until so many seconds have passed."""
        torch.set_num_threads(self.threads)
        evaluations, began = 0, time.perf_counter()
        while True:
            evaluations += next(self._steps)
            synchronise()
            passed = time.perf_counter() - began
            if passed >= seconds:
                return Rate(evaluations, passed)

    def warm_up(self) -> Rate:
        """Runs the loop until its history is full."""
        torch.set_num_threads(self.threads)
        wanted, evaluations, began = fill(HISTORY), 0, time.perf_counter()
        while evaluations < wanted:
            evaluations += next(self._steps)
        return Rate(evaluations, time.perf_counter() - began)

    def whole(self, victims: int) -> Whole:
        """Runs the first `victims` victims of the pool, each to its end."""
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
        images, _ = setting.pixels.split(torch.stack(rows))
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
        """Yields the number of evaluations of each call of `step()`, and starts the pool again at its end."""
        setting, loop = self.setting, self.setting.loop()
        while True:
            for victim in range(len(setting.seen)):
                before = 0
                for moment in loop.run(victim, setting.published_start(victim)):
                    yield moment.evaluations - before
                    before = moment.evaluations


class EngineContestant:
    """The engine with the attack's own settings. Each turn starts afresh, and is timed once the histories are full."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._fill = fill(setting.history)

    def turn(self, seconds: float) -> Rate:
        """Times evaluations while every slot has a victim; if the pool ends too early, it is started again."""
        evaluations, passed, startup = 0, 0.0, []
        while passed < seconds:
            meter = self._pass(seconds - passed)
            evaluations, passed = evaluations + meter.evaluations, passed + meter.seconds
            startup.append(meter.startup)
            if meter.evaluations == 0:
                self._fill = max(1, self._fill // 2)  # the pool ended before the histories were full
        return Rate(evaluations, passed, min(startup))

    def warm_up(self) -> Rate:
        """Takes a first, short turn, whose `startup` has what the engine does once (measuring, tracing, compiling)."""
        return self.turn(1e-9)

    def whole(self, victims: int) -> Whole:
        """Runs the first victims of the pool, each to its end: `victims` of them, or four chunks if that is more.

        With few victims, slots would be empty most of the time, and the cost per victim among many would be wrong.
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
        counts = (_successes(setting, claim) for claim in claims)
        successes = tuple(sum(of_one) for of_one in zip(*counts))
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
    """Ends a run of the engine from inside its callback."""


class _Meter:
    """Measures the engine's rate; the engine calls it after each evaluation of all slots."""

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
        self.evaluations += progress.evaluations
        self.seconds = now - self._began
        if self.seconds >= self.limit:
            raise _Enough


def fill(history: int) -> int:
    """The number of evaluations per victim after which a history of this length is full."""
    return int(_FILL * history) if history else _FILL_WITHOUT_HISTORY


def _successes(setting: Setting, claim: Reconstruction) -> tuple[int, ...]:
    """The number of images with an MSE at or below each of `THRESHOLDS`; a failed victim has none."""
    scores = setting.components.scorer(claim, select(setting.victims, claim.ids))
    served = ~torch.tensor([status.failed for status in claim.status]).unsqueeze(1)
    return tuple(int(((scores.values["mse"].cpu() <= threshold) & served).sum()) for threshold in THRESHOLDS)
