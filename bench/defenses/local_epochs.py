"""FedAvg by epochs: a client goes through its data several times, in a new order each time (McMahan et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree, rng_of
from bench.defenses.encoding import Encoding
from bench.defenses.mapping import stacked
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable


@dataclass(frozen=True)
class LocalEpochs(Defense):
    """Plain SGD on local batches for several epochs (algorithm 1). The client shares the weights before minus after.

    In each epoch the client draws an order of its examples, and takes them `batch_size` at a time, each once. The parts
    before this one in a stack act on the gradient of each local batch. An attacker that is granted the local training
    knows the epochs, the rate and the size of the local batches, but not the orders.

    Args:
        epochs: E >= 1, how often the client goes through its examples.
        lr: learning rate of each step, > 0.
        batch_size: examples per step; it must divide each client's batch size. Null for all.
        seed: of the orders, beside the run's own seed; null for the order of the batch in every epoch.

    Raises:
        ValueError: an argument is out of its range.
    """

    epochs: int
    lr: float
    batch_size: int | None
    seed: int | None
    level = "update"
    schedule = True

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs={self.epochs}: must be >= 1")
        if not self.lr > 0:
            raise ValueError(f"lr={self.lr}: must be > 0")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size}: must be >= 1, or null for the whole batch")

    @property
    def must_change(self) -> bool:
        """Whether it is anything but one step on the whole batch with learning rate 1."""
        return self.epochs > 1 or self.lr != 1 or self.batch_size is not None

    def unit(self, local: ClientContext) -> float | None:
        """Learning rate times steps: the update divided by this is the mean gradient along the way."""
        return self.lr * self.epochs * (local.batch_size // self.context_for_inner(local).batch_size)

    def as_known(self) -> Defense:
        """The same epochs in the order of the batch, since the client's own orders are its secret."""
        return replace(self, seed=None)

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that trains on the inner step's result, and returns the change of the weights.

        Raises:
            NotApplicable: the local batch size does not divide the batch size.
        """
        if self.batch_size is not None and local.batch_size % self.batch_size:
            raise NotApplicable(
                f"defense LocalEpochs takes {self.batch_size} examples per step: data.batch_size={local.batch_size} is "
                "no multiple"
            )
        return _Trained(inner, self, inner.depth + 1)

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """The context with the batch size of one local step."""
        return replace(local, batch_size=self.batch_size or local.batch_size)

    def inputs_of(self, inputs: Tensor, epoch: int) -> Tensor:
        """The inputs `[B, ...]` of one epoch."""
        return inputs

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Counts one release per epoch, since an example is in one local batch of each."""
        return inner.times(self.epochs) if inner else None

    def encode(self, sent: Encoding) -> Encoding:
        """The difference of the weights, dense, sent once for all epochs."""
        return sent.dense()


@dataclass(frozen=True)
class EpochInputs(LocalEpochs):
    """The same training for inputs `[B, E, ...]`, where each example has an input of its own in each of the E epochs.

    It is how an attacker computes an update whose orders it does not know (see `Task.by_epoch`).
    """

    @classmethod
    def of(cls, part: LocalEpochs) -> EpochInputs:
        """Returns the schedule of `part` for inputs per epoch."""
        return cls(part.epochs, part.lr, part.batch_size, part.seed)

    def inputs_of(self, inputs: Tensor, epoch: int) -> Tensor:
        """`[B, E, ...]` -> `[B, ...]`, the inputs of one epoch."""
        return inputs[:, epoch]


@dataclass(frozen=True, eq=False)
class _Trained(ClientStep):
    inner: ClientStep
    part: LocalEpochs
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        part, size = self.part, self.part.batch_size or batch_size
        steps = part.epochs * (batch_size // size)
        own = stacked(lambda e: self.inner.noise(shapes, size, stream.child("local batch", e)), steps)
        if part.seed is None:
            return own, ()
        drawn = rng_of(part, self.inner.depth, stream).uniform({"order": (part.epochs, batch_size)})
        return own, drawn["order"].argsort(1)

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        part, here = self.part, parameters
        drawn, order = noise
        size = part.batch_size or len(labels)
        walked = {name: torch.zeros_like(value) for name, value in parameters.items()}
        step = 0
        for epoch in range(part.epochs):
            examples = part.inputs_of(inputs, epoch)
            for begin in range(0, len(labels), size):
                window = slice(begin, begin + size)
                taken = window if part.seed is None else order[epoch, window]
                own = pytree.tree_map(lambda leaf: leaf[step], drawn)  # noqa: B023
                gradients, state = self.inner(here, buffers, examples[taken], labels[taken], own, state)
                walked = {name: value + gradients[name] for name, value in walked.items()}
                here = {name: value - part.lr * walked[name] for name, value in parameters.items()}
                step += 1
        return {name: part.lr * value for name, value in walked.items()}, state
