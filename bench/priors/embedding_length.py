"""LAMP's regulariser (Balunovic et al. 2022, arXiv 2202.08827, section 4, L_reg): how long word embeddings are."""

import torch
from torch import Tensor


def mean_length(table: Tensor, allowed: Tensor) -> Tensor:
    """The mean Euclidean length of the rows that may be named.

    Args:
        table: `[V, N, D]`, each victim's word embedding (one for all, expanded, is measured once).
        allowed: `[N]`, bool.

    Returns:
        `[V]`.
    """
    rows = table[:1] if table.stride(0) == 0 else table
    return torch.stack([one[allowed].norm(dim=-1).mean() for one in rows]).expand(len(table))


def length_error(embeddings: Tensor, places: Tensor, target: Tensor) -> Tensor:
    """`(mean_i ||x_i|| - target)^2`, i over the given places of the whole batch.

    Args:
        embeddings: `[S, B, T, D]`.
        places: `[S, B, T]`, bool, the places that count; a batch without any has a mean of 0.
        target: `[S]`.

    Returns:
        `[S]`. Twice differentiable but where an embedding is zero; there the derivative of its length is taken as 0.

    Example:
        >>> length_error(torch.tensor([[[[3.0, 4.0], [0.0, 1.0], [9.0, 9.0]]]]), torch.tensor([[[True, True, False]]]),
        ...              torch.tensor([2.0]))
        tensor([1.])
    """
    squares = embeddings.square().sum(-1)
    positive = squares > 0
    lengths = torch.where(positive, squares.where(positive, 1.0).sqrt(), 0.0)
    counted = places.to(lengths.dtype)
    mean = (lengths * counted).flatten(1).sum(1) / counted.flatten(1).sum(1).clamp(min=1)
    return (mean - target).square()


class EmbeddingLength:
    """`length_error` times a weight. Not a `bench.priors.base.Prior`: it has to know each victim's table and lengths.

    Departs from the paper, where the target is 1.4 for every model (about the mean length of BERT's embeddings, its
    code says): here it is `mean_length` of the victim's own. The mean is over the places that are optimised; the code's
    is over all, the fixed ones of start, end and padding among them.

    Args:
        weight: lambda_reg, beside a distance of weight 1.

    Raises:
        ValueError: weight is negative.
    """

    def __init__(self, weight: float) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0")
        self.weight = weight

    def __call__(self, embeddings: Tensor, places: Tensor, target: Tensor) -> Tensor:
        """See `length_error`: `[S, B, T, D]`, `[S, B, T]`, `[S]` -> `[S]`."""
        return self.weight * length_error(embeddings, places, target)
