"""Assigns reconstructions to private examples: one assignment per batch, which every metric uses."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def pairwise_mse(guess: Tensor, truth: Tensor) -> Tensor:
    """The MSE between all pairs, `[B, B]`, float64: entry (i, j) compares `truth[i]` and `guess[j]`, without clipping.

    Args:
        guess: `[B, ...]`.
        truth: `[B, ...]`.
    """
    x, y = truth.double().flatten(1), guess.double().flatten(1)
    # This uses differences. With inner products, cancellation would hide the error of a near-exact reconstruction.
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square() / x.shape[1]


def assign(guess: Tensor, truth: Tensor, clip: bool = True) -> Tensor:
    """The permutation of each victim's reconstructions with the least total MSE (Hungarian assignment, Kuhn 1955).

    The gradient of a batch does not depend on the order of its examples, so a score may not depend on it either. The
    assignment is one to one, so that no image is credited twice. For B = 1 it is the identity.

    Args:
        guess: `[V, B, ...]`. An example that is not finite everywhere takes a place that the others leave.
        truth: `[V, B, ...]`.
        clip: whether `guess` is clipped to [0, 1] here, the range of images.

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
    usable = torch.nan_to_num(guess, nan=0.0, posinf=1.0, neginf=0.0)
    compared = usable.clamp(0.0, 1.0) if clip else usable
    for victim in range(v):
        cost = pairwise_mse(compared[victim], truth[victim])
        # A broken image costs the same with every truth, so it takes a free place and never that of a better image.
        cost = cost.masked_fill(~finite[victim], float(b))
        _, columns = linear_sum_assignment(cost.cpu().numpy())
        permutation[victim] = torch.from_numpy(columns).to(permutation)
    return permutation


def permute(values: Tensor, permutation: Tensor) -> Tensor:
    """Puts values of reconstructions into the order of the truth.

    Args:
        values: `[V, B, ...]`, one entry per reconstruction.
        permutation: `[V, B]`, int64, the result of `assign`.

    Example:
        >>> permute(torch.tensor([[10, 20, 30]]), torch.tensor([[1, 2, 0]]))
        tensor([[20, 30, 10]])
    """
    rows = torch.arange(values.shape[0], device=values.device).unsqueeze(1)
    return values[rows, permutation]
