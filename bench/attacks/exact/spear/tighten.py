"""Exact directions from rough ones: the units nearest to zero, and the space that they annihilate, in turn."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.exact.spear.factors import Factors

_ROUNDS = 8  # turns; most directions stand still after three
_FIRST, _NEXT = 5, 2  # inverse iterations in the first turn and in the others
_RIDGE = 1e-14  # share of the trace that keeps the Cholesky factor of a singular matrix finite
_ENOUGH = 5  # a space is exact if its units are zero up to this many times their rounding


def tighten(
    factors: Factors, directions: Tensor, dimensions: int, units: int, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Finds the space of `dimensions` dimensions around each direction that leaves `units` units dead.

    Two steps alternate, as the concentration steps of a least trimmed squares fit. With the space N fixed, take the
    units i with the smallest |U_i N|; with the units fixed, take the space of the smallest singular values of their
    rows A of U (inverse iteration on A^T A, by its Cholesky factor). Each step lowers |A N|. If the units are dead for
    k examples together, their space has k dimensions.

    Args:
        factors: see `Factors`.
        directions: `[n, r]`, unit vectors, within 1e-3 or so.
        dimensions: k, of each space, >= 1.
        units: how many units are to be dead, more than r.
        random: the source of the further dimensions' starts.

    Returns:
        The spaces `[n, k, r]`, orthonormal rows, and whether each is exact up to rounding, `[n]`.
    """
    count, rank = directions.shape
    spaces = directions[:, None]
    for turn in range(_ROUNDS):
        distance = (spaces @ factors.rows.mT).square().sum(1)
        nearest = distance.topk(units, dim=1, largest=False).indices
        chosen = factors.rows[nearest]
        if turn == 0:
            more = torch.randn(count, dimensions - 1, rank, generator=random, dtype=directions.dtype)
            spaces = torch.cat([spaces, more], 1)
        spaces = _smallest(chosen, spaces, _NEXT if turn else _FIRST)
    left = (chosen @ spaces.mT).norm(dim=(1, 2))
    size = (spaces / factors.values).norm(dim=(1, 2))
    return spaces, left < _ENOUGH * factors.slack[nearest].norm(dim=1) * size


def _smallest(chosen: Tensor, spaces: Tensor, iterations: int) -> Tensor:
    """Turns spaces `[n, k, r]` to the smallest singular vectors of rows `[n, units, r]`, by inverse iteration."""
    square = chosen.mT @ chosen
    trace = square.diagonal(dim1=1, dim2=2).sum(1)
    ridge = torch.eye(square.shape[1], dtype=square.dtype) * (_RIDGE * trace)[:, None, None]
    lower = torch.linalg.cholesky(square + ridge)
    columns = spaces.mT
    for _ in range(iterations):
        columns = torch.linalg.qr(torch.cholesky_solve(columns, lower))[0]
    return columns.mT
