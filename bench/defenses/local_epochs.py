"""FedAvg by epochs: a client goes through its data several times, in a new order each time (McMahan et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bench.defenses.base import Defense, rng_of
from bench.defenses.local_training import LocalTraining
from bench.defenses.privacy import Privacy
from bench.engine.rng import VictimRng


@dataclass(frozen=True)
class LocalEpochs(LocalTraining):
    """SGD on local batches for several epochs (algorithm 1). The client shares the weights before minus after.

    In each epoch the client draws an order of its examples, and takes them `batch_size` at a time, each once. The parts
    before this one in a stack act on the gradient of each local batch. An attacker that is granted the local training
    knows the epochs, the rate and the size of the local batches, but not the orders.

    Args:
        epochs: E >= 1, how often the client goes through its examples.
        lr: learning rate of each step, > 0.
        batch_size: examples per step; it must divide each client's batch size. Null for all.
        seed: of the orders, beside the run's own seed; null for the order of the batch in every epoch.
        momentum: of the steps, in [0, 1); each round begins with a fresh optimiser. 0 for plain SGD.

    Raises:
        ValueError: an argument is out of its range.
    """

    epochs: int
    lr: float
    batch_size: int | None
    seed: int | None
    momentum: float
    stream = "local batch"

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs={self.epochs}: must be >= 1")
        self.check_step()

    @property
    def must_change(self) -> bool:
        """Whether it is anything but one step on the whole batch with learning rate 1."""
        return self.epochs > 1 or self.lr != 1 or self.batch_size is not None

    def as_known(self) -> Defense:
        """The same epochs in the order of the batch, since the client's own orders are its secret."""
        return replace(self, seed=None)

    def steps_on(self, examples: int) -> int:
        """The number of local batches in all epochs."""
        return self.epochs * (examples // (self.batch_size or examples))

    def orders(self, batch_size: int, depth: int, stream: VictimRng) -> Any:
        """The order of the examples in each epoch, `[E, B]`; none without a seed."""
        if self.seed is None:
            return ()
        return rng_of(self, depth, stream).uniform({"order": (self.epochs, batch_size)})["order"].argsort(1)

    def batches(self, inputs: Tensor, labels: Tensor, orders: Any) -> Iterator[tuple[Tensor, Tensor]]:
        """The examples of each epoch in its order, each once."""
        size = self.batch_size or len(labels)
        for epoch in range(self.epochs):
            examples = self.inputs_of(inputs, epoch)
            for begin in range(0, len(labels), size):
                window = slice(begin, begin + size)
                taken = window if self.seed is None else orders[epoch, window]
                yield examples[taken], labels[taken]

    def inputs_of(self, inputs: Tensor, epoch: int) -> Tensor:
        """The inputs `[B, ...]` of one epoch."""
        return inputs

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Counts one release per epoch, since an example is in one local batch of each."""
        return inner.times(self.epochs) if inner else None


@dataclass(frozen=True)
class EpochInputs(LocalEpochs):
    """The same training for inputs `[B, E, ...]`, where each example has an input of its own in each of the E epochs.

    It is how an attacker computes an update whose orders it does not know (see `Task.by_epoch`).
    """

    @classmethod
    def of(cls, part: LocalEpochs) -> EpochInputs:
        """Returns the schedule of `part` for inputs per epoch."""
        return cls(part.epochs, part.lr, part.batch_size, part.seed, part.momentum)

    def inputs_of(self, inputs: Tensor, epoch: int) -> Tensor:
        """`[B, E, ...]` -> `[B, ...]`, the inputs of one epoch."""
        return inputs[:, epoch]
