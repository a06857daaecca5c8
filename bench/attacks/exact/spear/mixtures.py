"""Spaces of several directions, split into single ones by sampling inside them."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.exact.spear.factors import Factors

_FEW = 10  # units that must be awake for a mixture to be split
_DRAWS, _MOST_DRAWS = 60, 2000  # draws are 60 * 2^k, up to this many
_STANDS_OUT = 0.03  # share of the awake units by which a single direction must have more dead units than a chance one
_INDEPENDENT = 1e-3  # smallest singular value of the directions of one mixture, at length 1


def closure(factors: Factors, space: Tensor) -> Tensor:
    """Returns the space of all directions that are zero wherever all of `space` is: `[k, r]` -> `[k', r]`, orthonormal.

    If it has one dimension, its direction is exact. If it has more, `space` lies in a mixture of k' examples: they have
    k' directions, and the units that are dead for all of them do not tell which is which.

    Args:
        factors: see `Factors`.
        space: orthonormal rows.
    """
    units = factors.zeros_of_all(space)
    return space if units.sum() < factors.rank - 1 else factors.null_space(units)


def split(factors: Factors, space: Tensor, random: torch.Generator) -> list[Tensor]:
    """Returns the sparse directions `[r]` inside a space `[k, r]`, each exact.

    This is the sampling of the paper in k dimensions, where it is cheap. The directions are q = y N with y in k
    dimensions. k - 1 random units that are not dead for the whole space have one null vector y. With probability
    2^-(k - 1) or so they are all dead for one example. Then many other units are dead for y N too.

    Args:
        factors: see `Factors`.
        space: N, orthonormal rows, 2 <= k.
        random: the source of the draws.
    """
    rows = factors.rows @ space.mT
    rows = rows[rows.norm(dim=1) > 2 * factors.slack * factors.scale(space).norm()]
    if len(rows) < _FEW:
        return []
    rows = rows / rows.norm(dim=1, keepdim=True)
    inside = _null_vectors(rows, random)
    drawn = inside @ space
    dead = factors.zeros(drawn / drawn.norm(dim=1, keepdim=True)).sum(1)
    found: list[Tensor] = []
    for at in _most_dead(inside, dead, len(rows)):
        exact = closure(factors, (drawn[at] / drawn[at].norm())[None])
        if len(exact) == 1:
            found.append(exact[0])
    return found


def _null_vectors(rows: Tensor, random: torch.Generator) -> Tensor:
    """Null vectors `[n, k]` of k - 1 random rows of `[m, k]` each."""
    dimensions = rows.shape[1]
    draws = min(_MOST_DRAWS, _DRAWS * 2**dimensions)
    index = torch.randint(len(rows), (draws, dimensions - 1), generator=random)
    if dimensions == 2:
        return torch.stack([-rows[index[:, 0], 1], rows[index[:, 0], 0]], 1)
    return torch.linalg.svd(rows[index], full_matrices=True)[2][:, -1]


def _most_dead(inside: Tensor, dead: Tensor, awake: int) -> list[int]:
    """Chooses up to k linearly independent vectors of `[n, k]` that have clearly more dead units than the rest.

    Args:
        inside: `[n, k]`, unit vectors.
        dead: `[n]`, the number of dead units of each.
        awake: the number of units that are not dead for the whole space.
    """
    dimensions, least = inside.shape[1], int(dead.min())
    chosen: list[int] = []
    for at in dead.argsort(descending=True).tolist():
        if dead[at] - least < max(dimensions + 4, _STANDS_OUT * awake) or len(chosen) == dimensions:
            break
        if torch.linalg.matrix_rank(inside[[*chosen, at]], tol=_INDEPENDENT) > len(chosen):
            chosen.append(at)
    return chosen
