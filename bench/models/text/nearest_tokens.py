"""From embeddings back to tokens: the nearest row of the word embedding."""

from __future__ import annotations

import torch
from torch import Tensor

MEASURES = ("euclidean", "cosine")


def nearest(embeddings: Tensor, table: Tensor, allowed: Tensor, measure: str) -> Tensor:
    """Returns the allowed token whose embedding is nearest.

    Args:
        embeddings: `[V, ..., D]`.
        table: `[V, N, D]`, each victim's word embedding; one for all victims may be expanded.
        allowed: `[N]`, bool, the tokens that may be named (`Tokenizer.allowed`: no padding, no other special ones).
        measure: `euclidean`, or `cosine`, which ignores lengths (Deng et al. 2021, arXiv 2103.06819).

    Returns:
        `[V, ...]`, int64; -1 if an embedding is not finite.

    Raises:
        ValueError: another measure, or nothing is allowed.

    Example:
        >>> table = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 3.0]]])
        >>> points = torch.tensor([[[0.9, 0.1], [0.0, 2.2], [torch.nan, 0.0]]])
        >>> nearest(points, table, torch.tensor([True, True, True]), "euclidean")
        tensor([[ 0,  2, -1]])
    """
    if measure not in MEASURES:
        raise ValueError(f"measure={measure!r}: want one of {', '.join(MEASURES)}")
    tokens = allowed.nonzero().flatten()
    if not len(tokens):
        raise ValueError("no token is allowed")
    finite = torch.isfinite(embeddings).all(-1)
    points = torch.where(finite[..., None], embeddings, torch.zeros_like(embeddings))
    flat, rows = points.flatten(1, -2), table[:, tokens]
    if measure == "cosine":
        score = flat @ torch.nn.functional.normalize(rows, dim=-1).mT
    else:
        # This is |e - r|^2 without |e|^2, which is the same for all rows.
        score = 2 * flat @ rows.mT - rows.square().sum(-1)[:, None]
    found = tokens[score.argmax(-1)].view(finite.shape)
    return torch.where(finite, found, torch.full_like(found, -1))
