"""Several clients, summed before the attacker sees anything: secure aggregation (Bonawitz et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree
from bench.defenses.encoding import Encoding
from bench.defenses.mapping import each, stacked
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable


def by_client(value: Tensor, clients: int) -> Tensor:
    """`[B, ...]` -> `[K, B / K, ...]`: the first examples are the first client's."""
    return value.reshape(clients, value.shape[0] // clients, *value.shape[1:])


@dataclass(frozen=True)
class Clients(Defense):
    """A victim's batch belongs to K clients, B / K examples each; the attacker sees the aggregate of their updates.

    What stands before it in a stack is done by each client. Without that, in eval mode and with `average`, the
    aggregate is the gradient of the whole batch: aggregation hides no more than a larger batch does.

    Args:
        clients: K; has to divide `data.batch_size`.
        average: whether the sum is divided by K.

    Raises:
        ValueError: fewer than one client.
    """

    clients: int
    average: bool
    level = "update"
    schedule = True

    def __post_init__(self) -> None:
        if self.clients < 1:
            raise ValueError(f"clients={self.clients}: must be >= 1")

    @property
    def must_change(self) -> bool:
        """Where the sum is not divided: it grows with the number of clients."""
        return not self.average and self.clients > 1

    @property
    def unit(self) -> float | None:
        """K, where the sum is not divided."""
        return None if self.average else float(self.clients)

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """The inner step of each client, summed.

        Raises:
            NotApplicable: the batch cannot be dealt out evenly.
        """
        if local.batch_size % self.clients:
            raise NotApplicable(
                f"defense Clients deals a batch to {self.clients} clients: data.batch_size={local.batch_size} is no "
                f"multiple (data.batch_size={self.clients})"
            )
        return _Summed(inner, self, local.mappable, inner.depth + 1)

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """A client has its share of the batch."""
        return replace(local, batch_size=max(1, local.batch_size // self.clients))

    def encode(self, sent: Encoding) -> Encoding:
        """What one client sends; secure aggregation's own masks and keys are not counted."""
        return sent


@dataclass(frozen=True, eq=False)
class _Summed(ClientStep):
    inner: ClientStep
    part: Clients
    mappable: bool
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        count = self.part.clients
        return stacked(lambda k: self.inner.noise(shapes, batch_size // count, stream.child("client", k)), count)

    def start(self, shapes: Shapes) -> Any:
        return stacked(lambda k: self.inner.start(shapes), self.part.clients)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        def one(examples: Tensor, targets: Tensor, own: Any, kept: Any) -> tuple[Tree, Any]:
            return self.inner(parameters, buffers, examples, targets, own, kept)

        count = self.part.clients
        updates, after = each(one, (by_client(inputs, count), by_client(labels, count), noise, state), self.mappable)
        total = {name: value.sum(0) for name, value in updates.items()}
        return {n: value / count for n, value in total.items()} if self.part.average else total, after
