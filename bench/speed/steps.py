"""The steps of a measurement, shown as they are taken."""

from __future__ import annotations

from typing import Any

from bench.speed.options import Options
from bench.terminal.progress import bars


def next_step(steps: Steps | None, note: str) -> None:
    """Shows the next step, if anything is shown at all."""
    if steps is not None:
        steps.next(note)


class Steps:
    """One progress bar over the whole measurement; nothing is shown if stderr is not a terminal."""

    def __init__(self, options: Options) -> None:
        subjects = len(options.threads) + 1 + len(options.variants)
        table = len(options.chunks) * len(options.threads)
        self._total = subjects * (options.rounds + 1) + 1 + table + 2 * options.success + 2 * options.memory
        self._total += options.scale + options.workers
        self._open = bars()

    def __enter__(self) -> Steps:
        self._bars = self._open.__enter__()
        self._bar = self._bars.add_task("speed", total=self._total, note="")
        self._begun = 0
        return self

    def next(self, note: str) -> None:
        """Marks the start of the next part and shows `note` beside the bar."""
        self._bars.update(self._bar, completed=self._begun, note=note)
        self._begun += 1

    def __exit__(self, *error: Any) -> None:
        self._bars.remove_task(self._bar)
        self._open.__exit__(*error)
