"""Which reconstruction is scored against which private example: one assignment a batch, reused by every metric."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def pairwise_mse(guess: Tensor, truth: Tensor) -> Tensor:
    """`[B, B]`, float64: entry (i, j) is the MSE between `truth[i]` and `guess[j]` (each `[B, ...]`), as given."""
    x, y = truth.double().flatten(1), guess.double().flatten(1)
    # Differences, not inner products: near-exact reconstructions would drown in the cancellation.
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square() / x.shape[1]


def assign(guess: Tensor, truth: Tensor) -> Tensor:
    """The permutation of each victim's reconstructions with the least total MSE (Hungarian assignment, Kuhn 1955).

    A batch's gradient does not depend on the order of its examples, so neither may a score. The permutation is one to
    one: no image is credited twice. Identity where B = 1.

    Args:
        guess: `[V, B, C, H, W]`; clipped to [0, 1] here; an image that is not finite everywhere takes a place
            that is left.
        truth: `[V, B, C, H, W]` in [0, 1].

    Returns:
        `[V, B]`, int64: the reconstruction of truth i is `guess[v, permutation[v, i]]`.

    Example:
        >>> truth = torch.tensor([0.1, 0.5, 0.9]).view(1, 3, 1, 1, 1)
        >>> assign(truth[:, [2, 0, 1]] + 0.01, truth)
        tensor([[1, 2, 0]])
    """
    v, b = guess.shape[:2]
    permutation = torch.arange(b, device=guess.device).repeat(v, 1)
    if b == 1:
        return permutation
    finite = torch.isfinite(guess).flatten(2).all(2)
    clipped = torch.nan_to_num(guess, nan=0.0, posinf=1.0, neginf=0.0).clamp(0.0, 1.0)
    for victim in range(v):
        cost = pairwise_mse(clipped[victim], truth[victim])
        # The same price for every truth, so a broken image takes what is left and never a better image's place.
        cost = cost.masked_fill(~finite[victim], float(b))
        _, columns = linear_sum_assignment(cost.cpu().numpy())
        permutation[victim] = torch.from_numpy(columns).to(permutation)
    return permutation


def permute(values: Tensor, permutation: Tensor) -> Tensor:
    """`values` (`[V, B, ...]`, one entry a reconstruction) in the order of the truth.

    Example:
        >>> permute(torch.tensor([[10, 20, 30]]), torch.tensor([[1, 2, 0]]))
        tensor([[20, 30, 10]])
    """
    rows = torch.arange(values.shape[0], device=values.device).unsqueeze(1)
    return values[rows, permutation]
