"""The last few directions, from the images' side."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.exact.spear.factors import Factors
from bench.attacks.exact.spear.hull import Hull

_GUESSES = 64
_DEAD = 0.3  # share of the units that are taken for dead: those furthest below zero


def complete(factors: Factors, hull: Hull, known: Tensor, random: torch.Generator) -> Tensor:
    """Guesses directions that are still missing, when few are.

    C Q = 1, so the row c of a missing example is orthogonal to all known directions: it lies in a space of as many
    dimensions as examples are missing. A point c of that space says which units its image leaves dead, and the
    direction that is nearest to zero on them is near to the missing one. If one example is missing, c is known.

    Args:
        factors: see `Factors`.
        hull: see `Hull`.
        known: `[k, r]`, an orthonormal basis of the known directions, k < r.
        random: the source of the guesses.

    Returns:
        Rough directions `[n, r]`.
    """
    space = torch.linalg.svd(known, full_matrices=True)[2][len(known) :]
    if len(space) == 1:
        reached = torch.cat([space, -space]) @ hull.rows.mT
    else:
        guesses = torch.randn(_GUESSES, len(space), generator=random, dtype=space.dtype) @ space
        reached = (guesses * torch.sign(guesses @ factors.bias)[:, None]) @ hull.rows.mT
    lowest = reached.topk(max(int(_DEAD * factors.units), 1), dim=1, largest=False).indices
    rows = factors.rows[lowest]
    return torch.linalg.eigh(rows.mT @ rows)[1][:, :, 0]
