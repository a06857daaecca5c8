"""Whether there is time for another step, for attacks whose steps are no evaluations of an objective.

The loop of the engine counts evaluations, and a stopping rule ends it. A search or a system of equations has steps of
its own, before each of which it asks here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Affords = Callable[[float], bool]  # (seconds that a step is expected to take) -> whether it may begin

FLOPS = 1e10  # of a processor core per second, in a QR decomposition


def always(seconds: float) -> bool:
    """Every step may begin: a result does not depend on the speed of the machine."""
    return True


class Rounds:
    """Says before each round of a search whether it may begin, by what the last one took; after one no, always no.

    Args:
        affords: who is asked.

    Example:
        >>> rounds = Rounds(lambda seconds: seconds < 60)
        >>> rounds.another(), rounds.another()
        (True, True)
    """

    def __init__(self, affords: Affords) -> None:
        self._affords, self._began = affords, time.perf_counter()
        self._is_first, self._is_over = True, False

    def another(self) -> bool:
        """Whether another round may begin; the first is expected to take no time."""
        now = time.perf_counter()
        took = 0.0 if self._is_first else now - self._began
        self._began, self._is_first = now, False
        self._is_over = self._is_over or not self._affords(took)
        return not self._is_over
