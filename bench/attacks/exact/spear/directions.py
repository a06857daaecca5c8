"""The directions that were found for one victim: each once, with its dead units and its certificate."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from bench.attacks.exact.spear.factors import Factors
from bench.attacks.exact.spear.hull import Hull

_SPARSE = 0.2  # share of the units that must be dead; on inputs in [0, 1], single examples have as few as a quarter
_SAME = 1 - 1e-6  # two directions with at least this |cosine| are one
_APART = 1e-3  # length that must be left outside the space of the others


class Directions:
    """Candidates for the columns of Q, as unit vectors in r dimensions, up to their sign.

    Args:
        factors: see `Factors`.
        hull: tests whether the units of a direction can be those of one image.
        certificate: share of the units that the test must get right, in (0, 1]. At 1, rounding fails true directions.

    Attributes:
        found: `[k, r]`.
        dead: the number of dead units of each.
        certified: whether each passed the test.
    """

    def __init__(self, factors: Factors, hull: Hull, certificate: float) -> None:
        self.factors, self.hull, self.certificate = factors, hull, certificate
        self.found = factors.left.new_zeros(0, factors.rank)
        self.dead: list[int] = []
        self.certified: list[bool] = []

    def add(self, direction: Tensor) -> bool:
        """Adds a direction `[r]` if it is sparse; of two copies of one, the more exact is kept.

        Returns:
            Whether the direction is new and certified.
        """
        zeros = self.factors.zeros(direction[None])[0]
        dead = int(zeros.sum())
        if dead < _SPARSE * self.factors.units:
            return False
        if len(self.found):
            cosine, at = (self.found @ direction).abs().max(0)
            if cosine > _SAME:
                self._improve(int(at), direction, zeros)
                return False
        self.found = torch.cat([self.found, direction[None]])
        self.dead.append(dead)
        self.certified.append(self.hull.separates(~zeros, self.certificate))
        return self.certified[-1]

    def _improve(self, at: int, direction: Tensor, zeros: Tensor) -> None:
        """Replaces a direction without certificate by a copy that has more dead units."""
        dead = int(zeros.sum())
        if dead > self.dead[at] and not self.certified[at]:
            self.found[at], self.dead[at] = direction, dead
            self.certified[at] = self.hull.separates(~zeros, self.certificate)

    def withdraw(self, positions: Iterable[int]) -> None:
        """Takes the certificates of the directions at these positions back."""
        for position in positions:
            self.certified[position] = False

    def basis(self) -> tuple[list[int], Tensor]:
        """Chooses certified directions that are linearly independent, those with the most dead units first.

        Returns:
            Their positions, and an orthonormal basis `[k, r]` of their space.
        """
        certified = [at for at, good in enumerate(self.certified) if good]
        return independent(self.found, sorted(certified, key=lambda at: -self.dead[at]))


def independent(found: Tensor, order: Iterable[int]) -> tuple[list[int], Tensor]:
    """Chooses linearly independent directions greedily.

    Args:
        found: `[k, r]`, unit vectors.
        order: positions in `found`, in the order in which they are tried.

    Returns:
        The chosen positions, r at most, and an orthonormal basis of their space.
    """
    chosen: list[int] = []
    basis = found.new_zeros(0, found.shape[1])
    for at in order:
        if len(chosen) == found.shape[1]:
            break
        rest = outside(basis, found[at])
        length = rest.norm()
        if length > _APART:
            basis = torch.cat([basis, (rest / length)[None]])
            chosen.append(at)
    return chosen, basis


def outside(basis: Tensor, direction: Tensor) -> Tensor:
    """The part of a direction `[r]` outside an orthonormal basis `[k, r]`; twice, so that rounding does not matter."""
    for _ in range(2):
        direction = direction - basis.mT @ (basis @ direction)
    return direction
