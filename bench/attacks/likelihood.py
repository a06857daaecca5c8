"""How probable what was shared is for a candidate: the likelihood of an attacker that knows the client's defence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from bench.defenses.base import Tree
from bench.defenses.clip import clipped
from bench.defenses.precision import int8, rounded
from bench.defenses.sign import signs
from bench.engine.units import comparable
from bench.messages.flat import flat
from bench.messages.observation import Observation
from bench.objectives.surviving_entries import surviving_entries

Map = Callable[[Tree], Tree]  # of one victim's gradient


@dataclass(frozen=True)
class Likelihood:
    """-log p(observed | D(g)) of the entries that were shared, without terms that no candidate changes.

    D is what the attacker knows of the defence. With Gaussian noise of deviation s it is sum r^2 / (2 s^2), with
    Laplacian noise of deviation s it is sum |r| sqrt(2) / s, where r are the entries of D(g) - observed. Without noise
    there is no likelihood, since one gradient alone is possible. Its place is taken by a Gaussian of a named width:
    sum r^2 n / (2 w^2 |observed|^2), where n is the number of entries and w the width in units of their root mean
    square. Entries that are exactly zero were not shared (`bench.objectives.surviving_entries`), and do not count.

    Args:
        width: w, > 0.
        maps: what D does to a gradient before there is any noise, in order.
        std: deviation of the noise, in the unit of the gradient, >= 0; 0 for no noise.
        is_laplacian: whether the noise is Laplacian.
        unit: see `Task.unit`. If it is None, directions are compared, and the noise is not used.

    Raises:
        ValueError: width <= 0.
    """

    width: float
    maps: tuple[Map, ...]
    std: float
    is_laplacian: bool
    unit: float | None

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ValueError(f"width={self.width}: must be > 0 (a share of the root mean square of the gradient)")

    @classmethod
    def under(cls, seen: Observation, width: float) -> Likelihood:
        """The likelihood under the defences that the threat model grants.

        Args:
            seen: the observation.
            width: see `Likelihood`.
        """
        maps: list[Map] = []
        noise: list[Mapping[str, Any]] = []
        for part in seen.defense or ():
            if not noise:  # what is done to noise, such as rounding it, is not modelled
                maps += _maps_of(part, seen.batch_size)
            if float(part.get("std") or 0.0) > 0:
                noise.append(part)
        std = math.sqrt(sum(part["std"] ** 2 for part in noise))
        is_laplacian = [part["defense"] for part in noise] == ["Laplacian"]
        return cls(width, tuple(maps), 0.0 if seen.task.unit is None else std, is_laplacian, seen.task.unit)

    @property
    def is_noisy(self) -> bool:
        """Whether the defence is known to add noise."""
        return self.std > 0

    def __call__(self, gradients: Tree, observed: Tree) -> Tensor:
        """`{name: [S, ...]}` of candidates (as the model gives them) and of what was shared -> `[S]`."""
        residual, theirs, count = self._entries(gradients, observed)
        if self.is_laplacian:
            return residual.abs().sum(1) * math.sqrt(2) / self.std
        if self.is_noisy:
            return residual.square().sum(1) / (2 * self.std**2)
        return residual.square().sum(1) * count / (2 * self.width**2 * theirs.square().sum(1))

    def relative_error(self, gradients: Tree, observed: Tree) -> tuple[Tensor, Tensor]:
        """The length of the residual over that of what was shared, and the number of entries that count, `[S]` each."""
        residual, theirs, count = self._entries(gradients, observed)
        return residual.norm(dim=1) / theirs.norm(dim=1), count

    def _entries(self, gradients: Tree, observed: Tree) -> tuple[Tensor, Tensor, Tensor]:
        """Residuals `[S, e]` and shared values `[S, e]`, both zero where nothing was shared; how many were, `[S]`."""
        ours = {name: gradients[name] for name in observed}
        for one in self.maps:
            ours = vmap(one)(ours)
        theirs = observed
        if self.unit is None:
            ours, theirs = comparable(ours, observed, None)
        there = surviving_entries(observed)
        residual, shared = (
            torch.cat([flat(value) for value in group], 1)
            for group in (
                [(ours[name] - value) * there[name] for name, value in theirs.items()],
                list(theirs.values()),
            )
        )
        return residual, shared, (shared != 0).sum(1)


def _maps_of(part: Mapping[str, Any], batch_size: int | None) -> list[Map]:
    """What a granted defence does to a gradient without any random number; nothing if it only leaves entries out."""
    kind = part["defense"]
    by_sample = kind in ("DPSGD", "DPFTRL")  # the clipped samples of a batch are not known apart
    if kind == "Clip" or (by_sample and batch_size == 1):
        return [partial(clipped, bound=part["norm"])]
    if kind == "Sign":
        return [partial(_each, function=partial(signs, scaled=part["scaled"]))]
    if kind == "Half":
        return [partial(_each, function=partial(rounded, kind=part["kind"]))]
    if kind == "Int8" and part["rounding"] == "nearest":
        return [partial(_each, function=partial(int8, uniform=None))]
    return []


def _each(gradients: Tree, function: Callable[[Tensor], Tensor]) -> Tree:
    return {name: function(value) for name, value in gradients.items()}
