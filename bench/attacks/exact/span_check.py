"""Whether an input can have gone into a linear layer, read off the layer's gradient (Petrov et al. 2024, DAGER)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Span:
    """The space that the inputs of a linear layer span, or most of it.

    Args:
        basis: orthonormal rows `[r, D]`.
    """

    basis: Tensor

    def distance(self, inputs: Tensor) -> Tensor:
        """How far inputs `[..., D]` lie outside of it, in units of their own length: `[...]`, 0 to 1."""
        outside = inputs - (inputs @ self.basis.mT) @ self.basis
        return outside.norm(dim=-1) / inputs.norm(dim=-1).clamp(min=torch.finfo(inputs.dtype).tiny)


def span_of(blocks: Sequence[Tensor], tolerance: float, most: int) -> Span:
    """The row space of the gradients of linear layers that read the same inputs.

    With y = W x the gradient of W is the sum over tokens of (dL/dy) x^T: its rows are combinations of inputs (arXiv
    2405.15586): with fewer tokens than D and linearly independent dL/dy, they span the same space.

    Departs: the paper takes the query's gradient alone. Query, key and value read the same inputs, so their gradients
    are stacked, each scaled to length 1: a token without a gradient in one (the first one of a decoder attends to
    itself alone, so that its query has none) has it in another, and weak directions come out stronger.

    Args:
        blocks: gradients `[out, D]`; those that are 0 do no harm.
        tolerance: singular values below this share of the largest are noise.
        most: the rank is at most this, where the number of tokens is known.

    Returns:
        The span, computed in float64, in the dtype of the blocks.
    """
    scaled = [block.double() / block.double().norm().clamp(min=torch.finfo(torch.float64).tiny) for block in blocks]
    _, values, rows = torch.linalg.svd(torch.cat(scaled), full_matrices=False)
    rank = min(int((values > tolerance * values[0]).sum()), most)
    return Span(rows[:rank].to(blocks[0].dtype))


def projections(gradients: dict[str, Tensor], names: Sequence[str]) -> list[Tensor]:
    """The gradients of query, key and value as `[out, D]` each, of names as `Language.first_attention` has them."""
    if len(names) == 1:
        return list(gradients[names[0]].mT.chunk(3))
    return [gradients[name] for name in names]


def distances(read: Callable[[Tensor], Tensor], span: Span, vocabulary: int, length: int, chunk: int) -> Tensor:
    """How far each token at each position is from the span: `[N, T]`, some tokens at a time.

    Args:
        read: tokens `[n, T]` to what the layer reads `[n, T, D]`, each position alone.
        span: of the layer's inputs.
        vocabulary: N.
        length: T.
        chunk: tokens at a time, which bounds the memory.
    """
    device = span.basis.device
    rows = []
    for first in range(0, vocabulary, chunk):
        tokens = torch.arange(first, min(first + chunk, vocabulary), device=device)
        rows.append(span.distance(read(tokens[:, None].expand(-1, length))))
    return torch.cat(rows)


def nearest_first(distance: Tensor, threshold: float, least: int, most: int) -> list[int]:
    """The positions in `distance` `[N]` of those within the threshold, the nearest first.

    At least `least` of them, where so many tokens must be there: of a gradient with noise none may pass. At most
    `most`: where the span is nearly the whole space, many do.

    Example:
        >>> nearest_first(torch.tensor([0.5, 0.0, 0.3, 0.1]), 0.2, least=1, most=9)
        [1, 3]
    """
    values, order = distance.sort(stable=True)
    passing = int((values <= threshold).sum())
    found: list[int] = order[: min(max(passing, least), most)].tolist()
    return found
