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
    """`[B, ...]` -> `[K, B / K, ...]`; the first examples are those of the first client."""
    return value.reshape(clients, value.shape[0] // clients, *value.shape[1:])


@dataclass(frozen=True)
class Clients(Defense):
    """Splits a victim's batch among K clients, B / K examples each; the attacker sees the aggregate of updates.

    The parts before this one in a stack act on each client. Without such parts, in eval mode and with `average`, the
    aggregate is the gradient of the whole batch, so aggregation hides no more than a larger batch does.

    Args:
        clients: K, >= 1; it must divide `data.batch_size`.
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
        """Whether the sum is not divided by K, for K > 1; it then grows with the number of clients."""
        return not self.average and self.clients > 1

    def unit(self, local: ClientContext) -> float | None:
        """K if the sum is not divided by it, else None."""
        return None if self.average else float(self.clients)

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that runs the inner step of each client, and sums the results.

        Raises:
            NotApplicable: the batch cannot be split evenly.
        """
        if local.batch_size % self.clients:
            raise NotApplicable(
                f"defense Clients deals a batch to {self.clients} clients: data.batch_size={local.batch_size} is no "
                f"multiple (data.batch_size={self.clients})"
            )
        return _Summed(inner, self, local.mappable, inner.depth + 1)

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """The context with the batch size of one client."""
        return replace(local, batch_size=max(1, local.batch_size // self.clients))

    def encode(self, sent: Encoding) -> Encoding:
        """What one client sends; the masks and keys of secure aggregation are not counted."""
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
