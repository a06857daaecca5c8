"""What all ways of local training share: SGD on a client's own examples, whose update is what it sends."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor
from torch.utils import _pytree as pytree

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree
from bench.defenses.mapping import stacked
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable


class LocalTraining(Defense):
    """Several steps of SGD. The client shares the update, once: the weights before minus the weights after.

    The parts before this one in a stack act on the gradient of each step. A way of training has the fields `lr`, the
    learning rate of each step, `batch_size`, the examples per step (None for all), and `momentum`, that of the steps.

    Attributes:
        stream: the word from which the random numbers of each step are derived.
    """

    lr: float
    batch_size: int | None
    momentum: float
    level = "update"
    schedule = True
    stream: ClassVar[str]

    @abstractmethod
    def steps_on(self, examples: int) -> int:
        """The number of steps on a batch of this many examples."""

    @abstractmethod
    def batches(self, inputs: Tensor, labels: Tensor, orders: Any) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and labels of each step, from those of the whole batch and what `orders` drew."""

    def orders(self, batch_size: int, depth: int, stream: VictimRng) -> Any:
        """The random orders of the examples; by default none is drawn."""
        return ()

    def check_step(self) -> None:
        """Refuses a learning rate, a local batch size or a momentum that is out of its range.

        Raises:
            ValueError: the message names the field.
        """
        if not self.lr > 0:
            raise ValueError(f"lr={self.lr}: must be > 0")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size}: must be >= 1, or null for the whole batch")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum={self.momentum}: want 0 <= momentum < 1 (0 for plain SGD)")

    def unit(self, local: ClientContext) -> float | None:
        """What the update is divided by to give the mean gradient along the way: learning rate times steps.

        With momentum m, the gradient of step t of T counts (1 - m^(T - t)) / (1 - m) times, t from 0, and the mean is
        weighted so.
        """
        steps = self.steps_on(local.batch_size)
        return self.lr * sum((1 - self.momentum ** (t + 1)) / (1 - self.momentum) for t in range(steps))

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that trains on the inner step's result, and returns the change of the weights.

        Raises:
            NotApplicable: the local batch size does not divide the batch size.
        """
        if self.batch_size is not None and local.batch_size % self.batch_size:
            raise NotApplicable(
                f"defense {type(self).__name__} takes {self.batch_size} examples per step: "
                f"data.batch_size={local.batch_size} is no multiple"
            )
        return _Trained(inner, self, inner.depth + 1)

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """The context with the batch size of one local step."""
        return replace(local, batch_size=self.batch_size or local.batch_size)


@dataclass(frozen=True, eq=False)
class _Trained(ClientStep):
    inner: ClientStep
    part: LocalTraining
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        part, size = self.part, self.part.batch_size or batch_size
        steps = stacked(
            lambda e: self.inner.noise(shapes, size, stream.child(part.stream, e)), part.steps_on(batch_size)
        )
        return steps, part.orders(batch_size, self.inner.depth, stream)

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        drawn, orders = noise

        def gradients(step: int, here: Tree, taken: Tensor, targets: Tensor) -> Tree:
            nonlocal state
            own = pytree.tree_map(lambda leaf: leaf[step], drawn)
            found, state = self.inner(here, buffers, taken, targets, own, state)
            return found

        batches = self.part.batches(inputs, labels, orders)
        return update(gradients, parameters, self.part.lr, batches, self.part.momentum), state


def update(
    gradients: Callable[[int, Tree, Tensor, Tensor], Tree],
    parameters: Tree,
    lr: float,
    batches: Iterable[tuple[Tensor, Tensor]],
    momentum: float = 0.0,
) -> Tree:
    """Steps of SGD: the weights before minus the weights after, for the parameters that have gradients.

    Args:
        gradients: `(step, parameters, inputs, labels) -> {name: gradient}`; parameters without a gradient stay.
        parameters: the weights before.
        lr: learning rate of each step.
        batches: inputs and labels of each step.
        momentum: as in `torch.optim.SGD` without dampening, from a fresh optimiser; 0 for none.
    """
    here, walked, velocity = parameters, dict[str, Tensor](), dict[str, Tensor]()
    for step, (inputs, labels) in enumerate(batches):
        found = gradients(step, here, inputs, labels)
        if momentum:
            found = {name: value + momentum * velocity.get(name, 0.0) for name, value in found.items()}
            velocity = found
        walked = {name: walked.get(name, 0.0) + value for name, value in found.items()}
        here = parameters | {name: parameters[name] - lr * value for name, value in walked.items()}
    return {name: lr * value for name, value in walked.items()}
