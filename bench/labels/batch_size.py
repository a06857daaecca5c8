"""The batch size, inferred from the numerical rank of a linear layer's gradient (Dimitrov et al. 2024, SPEAR)."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.messages.observation import Observation


def numerical_rank(gradient: Tensor) -> Tensor:
    """The rank of each matrix, `[V, m, n]` -> `[V]`; singular values at rounding level count as 0.

    The level is that of NumPy, the largest singular value times max(m, n) times the precision of the gradient's dtype.
    A matrix that is not finite has rank 0.
    """
    level = max(gradient.shape[1:]) * torch.finfo(gradient.dtype).eps
    finite = gradient.double().where(gradient.isfinite().all(-1).all(-1)[:, None, None], torch.zeros(()).double())
    values = torch.linalg.svdvals(finite)
    return (values > level * values[:, :1].clamp(min=torch.finfo(gradient.dtype).tiny)).sum(1)


def inferred_batch_size(seen: Observation) -> tuple[Tensor, int] | None:
    """The batch size that the shared gradients show, `[V]`, and the largest that they could show.

    The gradient of a linear layer's weight is a sum of B products of two vectors, so its rank is at most B; it is B if
    both kinds of vectors are linearly independent. The rank of an m x n matrix is at most min(m, n), and that of the
    last layer of a classifier at most K - 1, since the errors p - y sum to 0. So a figure that equals the largest is a
    lower bound. All weights with two dimensions are looked at, but for word and position embeddings, and the largest
    rank counts.

    Returns:
        The ranks and the largest that is possible; None if no linear layer's weight is shared.
    """
    language = seen.task.language
    apart = set() if language is None else {language.embedding, language.position}
    layers = {n: g for n, g in seen.gradients.items() if g.dim() == 3 and n not in apart}
    if not layers:
        return None
    ranks = torch.stack([numerical_rank(gradient) for gradient in layers.values()]).amax(0)
    most = max(min(g.shape[1:]) - (n == seen.task.last_linear) for n, g in layers.items())
    return ranks, max(most, 1)
