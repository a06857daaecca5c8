"""FedAvg: a client trains for several steps and shares the change of its weights (McMahan et al. 2017, algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.defenses.local_training import LocalTraining
from bench.defenses.privacy import Privacy


def window(step: int, size: int, batch_size: int) -> slice:
    """Returns which of B examples a step takes: `size` consecutive ones, beginning again after the last.

    Args:
        step: number of the step, from 0.
        size: examples per step.
        batch_size: B.

    Example:
        >>> window(0, 2, 4), window(3, 2, 4)
        (slice(0, 2, None), slice(2, 4, None))
    """
    begin = step * size % batch_size
    return slice(begin, begin + size)


@dataclass(frozen=True)
class LocalSteps(LocalTraining):
    """SGD for several steps. The client shares the update: the weights before minus the weights after.

    The parts before this one in a stack act on the gradient of each local step.

    Args:
        steps: E, number of local steps, >= 1.
        lr: learning rate of each step, > 0.
        batch_size: examples per step, in the order of the batch; it must divide each client's batch size. Null for all.
        momentum: of the steps, in [0, 1); each round begins with a fresh optimiser. 0 for plain SGD.

    Raises:
        ValueError: an argument is out of its range.
    """

    steps: int
    lr: float
    batch_size: int | None
    momentum: float
    stream = "local step"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps={self.steps}: must be >= 1")
        self.check_step()

    @property
    def must_change(self) -> bool:
        """Whether it is anything but one step on the whole batch with learning rate 1."""
        return self.steps > 1 or self.lr != 1 or self.batch_size is not None

    def steps_on(self, examples: int) -> int:
        """The number of steps, whatever the batch size is."""
        return self.steps

    def batches(self, inputs: Tensor, labels: Tensor, orders: Any) -> Iterator[tuple[Tensor, Tensor]]:
        """Consecutive examples, beginning again after the last."""
        size = self.batch_size or len(inputs)
        for step in range(self.steps):
            taken = window(step, size, len(inputs))
            yield inputs[taken], labels[taken]

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Counts every local step as a release, even for examples that are not in each of them."""
        return inner.times(self.steps) if inner else None
