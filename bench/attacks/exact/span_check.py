"""A test whether an input can have entered a linear layer, from the layer's gradient (Petrov et al. 2024, DAGER)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Span:
    """The space that the inputs of a linear layer span, or most of it.

    Args:
        basis: `[r, D]`, orthonormal rows.
    """

    basis: Tensor

    def distance(self, inputs: Tensor) -> Tensor:
        """Returns how far inputs `[..., D]` lie outside the space, relative to their own length: `[...]`, in [0, 1]."""
        outside = inputs - (inputs @ self.basis.mT) @ self.basis
        return outside.norm(dim=-1) / inputs.norm(dim=-1).clamp(min=torch.finfo(inputs.dtype).tiny)


def span_of(blocks: Sequence[Tensor], tolerance: float, most: int) -> Span:
    """Returns the row space of the gradients of linear layers that share their inputs.

    With y = W x, the gradient of W is the sum over tokens of (dL/dy) x^T, so its rows are combinations of inputs (arXiv
    2405.15586). If there are fewer tokens than D and the dL/dy are linearly independent, the rows span the same space
    as the inputs.

    Departs: the paper takes the gradient of the query alone. Query, key and value have the same inputs, so we stack
    their gradients, each scaled to length 1. A token without a gradient in one of them has a gradient in another (the
    first token of a decoder attends only to itself, so its query has none), and weak directions become stronger.

    Args:
        blocks: gradients, `[out, D]` each; gradients that are zero do no harm.
        tolerance: singular values below this share of the largest count as noise.
        most: the largest rank, such as the number of tokens if it is known.

    Returns:
        The span, computed in float64, in the type of the blocks.
    """
    scaled = [block.double() / block.double().norm().clamp(min=torch.finfo(torch.float64).tiny) for block in blocks]
    _, values, rows = torch.linalg.svd(torch.cat(scaled), full_matrices=False)
    rank = min(int((values > tolerance * values[0]).sum()), most)
    return Span(rows[:rank].to(blocks[0].dtype))


def projections(gradients: dict[str, Tensor], names: Sequence[str]) -> list[Tensor]:
    """Returns the gradients of query, key and value, `[out, D]` each.

    Args:
        gradients: `{name: gradient}` of one victim.
        names: as `Language.first_attention`; a single name is that of a fused weight.
    """
    if len(names) == 1:
        return list(gradients[names[0]].mT.chunk(3))
    return [gradients[name] for name in names]


def distances(read: Callable[[Tensor], Tensor], span: Span, vocabulary: int, length: int, chunk: int) -> Tensor:
    """Computes how far each token at each position is from the span: `[N, T]`, some tokens at a time.

    Args:
        read: maps tokens `[n, T]` to the inputs of the layer `[n, T, D]`, each position on its own.
        span: the span of the layer's inputs.
        vocabulary: N.
        length: T.
        chunk: number of tokens at a time, which bounds the memory.
    """
    device = span.basis.device
    rows = []
    for first in range(0, vocabulary, chunk):
        tokens = torch.arange(first, min(first + chunk, vocabulary), device=device)
        rows.append(span.distance(read(tokens[:, None].expand(-1, length))))
    return torch.cat(rows)


def nearest_first(distance: Tensor, threshold: float, least: int, most: int) -> list[int]:
    """Returns the positions in `distance` of the entries within the threshold, the nearest first.

    Args:
        distance: `[N]`.
        threshold: an entry passes up to this distance.
        least: at least this many are returned, if so many tokens must be present; with noise, none may pass.
        most: at most this many are returned; many pass if the span is nearly the whole space.

    Example:
        >>> nearest_first(torch.tensor([0.5, 0.0, 0.3, 0.1]), 0.2, least=1, most=9)
        [1, 3]
    """
    values, order = distance.sort(stable=True)
    passing = int((values <= threshold).sum())
    found: list[int] = order[: min(max(passing, least), most)].tolist()
    return found
