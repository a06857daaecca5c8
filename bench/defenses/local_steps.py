"""FedAvg: a client trains for several steps and shares the change of its weights (McMahan et al. 2017, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree
from bench.defenses.encoding import Encoding
from bench.defenses.mapping import stacked
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable


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
class LocalSteps(Defense):
    """Plain SGD for several steps. The client shares the update: the weights before minus the weights after.

    The parts before this one in a stack act on the gradient of each local step.

    Args:
        steps: E, number of local steps, >= 1.
        lr: learning rate of each step, > 0.
        batch_size: examples per step, in the order of the batch; it must divide each client's batch size. Null for all.

    Raises:
        ValueError: an argument is out of its range.
    """

    steps: int
    lr: float
    batch_size: int | None
    level = "update"
    schedule = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps={self.steps}: must be >= 1")
        if not self.lr > 0:
            raise ValueError(f"lr={self.lr}: must be > 0")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size}: must be >= 1, or null for the whole batch")

    @property
    def must_change(self) -> bool:
        """Whether it is anything but one step on the whole batch with learning rate 1."""
        return self.steps > 1 or self.lr != 1 or self.batch_size is not None

    def unit(self, local: ClientContext) -> float | None:
        """Learning rate times steps: the update divided by this is the mean gradient along the way."""
        return self.lr * self.steps

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that runs the inner step `steps` times.

        Raises:
            NotApplicable: the local batch size does not divide the batch size.
        """
        if self.batch_size is not None and local.batch_size % self.batch_size:
            raise NotApplicable(
                f"defense LocalSteps takes {self.batch_size} examples per step: data.batch_size={local.batch_size} is "
                "no multiple"
            )
        return _Descended(inner, self, inner.depth + 1)

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """The context with the batch size of one local step."""
        return replace(local, batch_size=self.batch_size or local.batch_size)

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Counts every local step as a release, even for examples that are not in each of them."""
        return inner.times(self.steps) if inner else None

    def encode(self, sent: Encoding) -> Encoding:
        """The difference of the weights, dense, sent once for all steps."""
        return sent.dense()


@dataclass(frozen=True, eq=False)
class _Descended(ClientStep):
    inner: ClientStep
    part: LocalSteps
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        size = self.part.batch_size or batch_size
        return stacked(lambda e: self.inner.noise(shapes, size, stream.child("local step", e)), self.part.steps)

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        part, here = self.part, parameters
        size = part.batch_size or len(inputs)
        walked = {name: torch.zeros_like(value) for name, value in parameters.items()}
        for e in range(part.steps):
            taken = window(e, size, len(inputs))
            own = pytree.tree_map(lambda leaf: leaf[e], noise)  # noqa: B023
            gradients, state = self.inner(here, buffers, inputs[taken], labels[taken], own, state)
            walked = {name: value + gradients[name] for name, value in walked.items()}
            here = {name: value - part.lr * walked[name] for name, value in parameters.items()}
        return {name: part.lr * value for name, value in walked.items()}, state
