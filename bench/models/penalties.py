"""Terms that layers of a model add to its loss, such as the divergence of a variational bottleneck."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from torch import Tensor, nn


class Penalised(nn.Module, ABC):
    """A layer that adds a term to the loss of the model that it is part of."""

    @abstractmethod
    def penalty(self, inputs: Tensor) -> Tensor:
        """Returns the term, a scalar: the mean over the batch.

        Args:
            inputs: `[B, ...]`, what the layer is called with.
        """


def penalised_layers(model: nn.Module) -> list[Penalised]:
    """The layers of a model that add a term to its loss; for most models there are none."""
    return [layer for layer in model.modules() if isinstance(layer, Penalised)]


@contextlib.contextmanager
def penalties(layers: Sequence[Penalised]) -> Iterator[list[Tensor]]:
    """Collects the terms of these layers while their model is called.

    A term is computed when its layer is called, because `torch.func.functional_call` puts its tensors into the layers
    for the time of the call only. Nothing is kept in the layers.

    Yields:
        A list that holds the terms, one for each call of a layer, after the model was called.
    """
    found: list[Tensor] = []

    def see(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, Penalised)
        found.append(layer.penalty(given[0]))

    hooks = [layer.register_forward_pre_hook(see) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
