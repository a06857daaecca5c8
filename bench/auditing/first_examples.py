"""The first examples of a batch, whatever its form is."""

from __future__ import annotations

from typing import Any

from bench.auditing.leaves import leaves, rebuilt
from bench.errors import UserError


def batch_size(batch: Any, inputs: object = None) -> int:
    """How many examples a batch holds: the length of the tensor that `inputs` names, or of the first that has one.

    Args:
        batch: what the data loader gives.
        inputs: the path of a tensor (`bench.auditing.leaves`); None for the first.

    Raises:
        UserError: the batch holds no tensor with examples.
    """
    there = {path: value for path, value in leaves(batch).items() if value.dim()}
    if not there:
        raise UserError(f"batch: a {type(batch).__name__} without tensors of examples; want what the data loader gives")
    named = there.get(str(inputs))
    return len(next(iter(there.values())) if named is None else named)


def first_examples(batch: Any, count: int | None, inputs: object = None) -> Any:
    """A batch of the same form with the first examples alone; the tensors are detached, and none is copied.

    Args:
        batch: what the data loader gives. A tensor counts as one of examples if its first dimension is the batch size.
        count: how many; None for all.
        inputs: see `batch_size`.

    Example:
        >>> import torch
        >>> first_examples({"x": torch.arange(3), "weight": torch.tensor(2)}, 2)
        {'x': tensor([0, 1]), 'weight': tensor(2)}
    """
    size = batch_size(batch, inputs)
    values = {
        path: value.detach()[:count] if value.dim() and len(value) == size else value.detach()
        for path, value in leaves(batch).items()
    }
    return rebuilt(batch, values)
