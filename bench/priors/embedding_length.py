"""LAMP's regulariser of the length of word embeddings (Balunovic et al. 2022, arXiv 2202.08827, section 4, L_reg)."""

import torch
from torch import Tensor

from bench.objectives.layer_length import length


def mean_length(table: Tensor, allowed: Tensor) -> Tensor:
    """Returns the mean Euclidean length of the allowed rows of each victim's word embedding.

    Args:
        table: `[V, N, D]`, the word embeddings; one embedding for all victims, expanded, is measured once.
        allowed: `[N]`, bool, the rows that count.

    Returns:
        `[V]`.
    """
    rows = table[:1] if table.stride(0) == 0 else table
    return torch.stack([one[allowed].norm(dim=-1).mean() for one in rows]).expand(len(table))


def length_error(embeddings: Tensor, places: Tensor, target: Tensor) -> Tensor:
    """Returns `(mean_i ||x_i|| - target)^2`, where i runs over the given places of the whole batch.

    Args:
        embeddings: `[S, B, T, D]`.
        places: `[S, B, T]`, bool, the places that count; a batch without any has a mean of 0.
        target: `[S]`.

    Returns:
        `[S]`. It is twice differentiable, except where an embedding is zero; there the derivative of its length is
        taken as 0.

    Example:
        >>> length_error(torch.tensor([[[[3.0, 4.0], [0.0, 1.0], [9.0, 9.0]]]]), torch.tensor([[[True, True, False]]]),
        ...              torch.tensor([2.0]))
        tensor([1.])
    """
    lengths = length(embeddings)
    counted = places.to(lengths.dtype)
    mean = (lengths * counted).flatten(1).sum(1) / counted.flatten(1).sum(1).clamp(min=1)
    return (mean - target).square()


class EmbeddingLength:
    """`length_error` times a weight; no `Prior`, because it needs each victim's embeddings and lengths.

    Departs: the paper's target is 1.4 for every model (about the mean length of BERT's embeddings, according to its
    code); here it is the `mean_length` of the victim's own embeddings. The mean is over the places that are optimised;
    in the published code it is over all places, including the fixed ones of start, end and padding.

    Args:
        weight: lambda_reg, relative to a distance of weight 1, >= 0.

    Raises:
        ValueError: weight is negative.
    """

    def __init__(self, weight: float) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0")
        self.weight = weight

    def __call__(self, embeddings: Tensor, places: Tensor, target: Tensor) -> Tensor:
        """Returns the penalty `[S]`; see `length_error`.

        Args:
            embeddings: `[S, B, T, D]`.
            places: `[S, B, T]`, bool.
            target: `[S]`.
        """
        return self.weight * length_error(embeddings, places, target)
