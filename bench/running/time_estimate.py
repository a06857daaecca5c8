"""What a run may take, told before its first victim ends: from the budget, and from how fast this run evaluates."""

from __future__ import annotations

import time
from collections.abc import Callable

import rich.progress
from rich.progress import TaskID

from bench.engine.state import Progress
from bench.terminal.duration import duration

_SETTLED = 3.0  # seconds after which the evaluations per second are trusted
_EVERY = 0.2  # seconds between two updates of the bar: more often would cost more than an evaluation


class TimeEstimate:
    """The time left if every victim uses its whole budget. Once a victim has ended, the bar's own estimate is better.

    Args:
        runs: the runs of all victims, restarts included.
        clock: returns seconds.
    """

    def __init__(self, runs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._runs, self._clock = runs, clock
        self._began: float | None = None
        self._evaluations = 0
        self._over = False

    def __call__(self, progress: Progress) -> str | None:
        """Takes in an evaluation; returns the estimate and how it is known, or None if there is none.

        Args:
            progress: of the engine, after the evaluation.
        """
        now = self._clock()
        self._over = self._over or progress.finished > 0
        if self._began is None:  # when this evaluation began is not known, so it is not counted
            self._began = now
            return None
        self._evaluations += progress.evaluations
        elapsed = now - self._began
        if self._over or elapsed < _SETTLED or not self._evaluations:
            return None
        rate = self._evaluations / elapsed
        left = max(self._runs * progress.budget - self._evaluations, 0) / rate
        return (
            f"about {duration(left)} left if each run uses its budget of {progress.budget:,} evaluations "
            f"({rate:,.0f} evaluations per second so far)"
        )


class ShownProgress:
    """Writes the objective behind a bar, and the estimated time until the first victim has ended.

    Args:
        drawn: the bars.
        bar: the bar of the cell.
        estimate: the estimate of the cell.
        tell: called once with the first estimate, so that it can be read where no bar is drawn.
    """

    def __init__(
        self, drawn: rich.progress.Progress, bar: TaskID, estimate: TimeEstimate, tell: Callable[[str], None]
    ) -> None:
        self._drawn, self._bar, self._estimate, self._tell = drawn, bar, estimate, tell
        self._last, self._told = 0.0, False

    def __call__(self, progress: Progress) -> None:
        """Takes in an evaluation."""
        estimate = self._estimate(progress)
        if estimate and not self._told:
            self._told = True
            self._tell(estimate)
        now = time.monotonic()
        if now - self._last > _EVERY:
            self._last = now
            short = f"; {estimate.partition(' left')[0]} at most" if estimate else ""
            self._drawn.update(self._bar, note=f"objective {progress.objective:.2e}{short}")
