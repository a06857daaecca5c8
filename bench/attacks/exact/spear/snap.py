"""Makes exact directions of rough ones: single ones first, then mixtures of two and of three examples."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.exact.spear.directions import Directions
from bench.attacks.exact.spear.mixtures import closure, split
from bench.attacks.exact.spear.tighten import tighten

_DEAD = {1: 0.3, 2: 0.25, 3: 0.2}  # share of the units that must be dead for k examples together
_SPARE = 8  # units beyond the rank that must be dead at least
_LARGEST = 8  # dimensions of a mixture that sampling can split
_TRIED, _SELDOM = 100, 0.02  # mixtures are no longer sought if less than 2 % of a hundred were any


class Snap:
    """Turns the ends of descents into exact directions.

    Args:
        directions: receives what is found.
        random: the source of random numbers.
    """

    def __init__(self, directions: Directions, random: torch.Generator) -> None:
        self.directions, self.random = directions, random
        self._tried = dict.fromkeys(_DEAD, 0)
        self._exact = dict.fromkeys(_DEAD, 0)

    def __call__(self, rough: Tensor) -> None:
        """Tightens rough directions `[n, r]`; those that are not exact in k dimensions are tried in k + 1."""
        factors = self.directions.factors
        for dimensions, share in _DEAD.items():
            if not len(rough):
                return
            if dimensions > 1 and self._seldom(dimensions):
                continue
            units = min(factors.units, max(int(share * factors.units), factors.rank + _SPARE))
            spaces, exact = tighten(factors, rough, dimensions, units, self.random)
            self._tried[dimensions] += len(rough)
            self._exact[dimensions] += int(exact.sum())
            for space in spaces[exact]:
                self._take(closure(factors, space))
            rough = rough[~exact]

    def _seldom(self, dimensions: int) -> bool:
        return self._tried[dimensions] > _TRIED and self._exact[dimensions] < _SELDOM * self._tried[dimensions]

    def _take(self, space: Tensor) -> None:
        """Adds the direction of a space of one dimension, or the directions that a mixture consists of."""
        if len(space) == 1:
            self.directions.add(space[0])
        elif 1 < len(space) <= _LARGEST:
            for direction in split(self.directions.factors, space, self.random):
                self.directions.add(direction)
