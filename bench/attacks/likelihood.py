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
from bench.defenses.precision import LEVELS, int8, rounded
from bench.defenses.sign import signs
from bench.engine.units import comparable
from bench.messages.flat import flat
from bench.messages.observation import Observation
from bench.objectives.gradient_transforms import GradientTransform
from bench.objectives.quantised import QuantisedAtRandom
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
    Of entries that were rounded at random to one of two neighbours, r is the distance to what these could come from.

    If some entries have noise and others have none, and the defence does not say which, the residuals are taken for
    Cauchy distributed, with the named width as their scale: sum log(1 + r^2 n / (w^2 |observed|^2)). An entry that does
    not fit then costs little more than others that do not, however far it is off, and a claim by which more entries fit
    is preferred. The deviation of the noise is not used.

    Args:
        width: w, > 0.
        maps: what D does to a gradient before there is any noise, in order.
        std: deviation of the noise on every entry, in the unit of the gradient, >= 0; 0 for none.
        is_laplacian: whether the noise is Laplacian.
        unit: see `Task.unit`. If it is None, directions are compared, and the noise is not used.
        is_partial: whether there is noise on some entries only.
        views: what is done to both gradients after the maps, see `bench.objectives.gradient_transforms`.

    Raises:
        ValueError: width <= 0.
    """

    width: float
    maps: tuple[Map, ...]
    std: float
    is_laplacian: bool
    unit: float | None
    is_partial: bool
    views: tuple[GradientTransform, ...] = ()

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
        views: list[GradientTransform] = []
        noise: list[Mapping[str, Any]] = []
        partial = False
        for part in seen.defense or ():
            if not noise and not partial:  # what is done to noise, such as rounding it, is not modelled
                maps += _maps_of(part, seen.batch_size)
                views += _views_of(part)
            if part.get("noisy_share", 1.0) == 1 and float(part.get("std") or 0.0) > 0:
                noise.append(part)
            partial = partial or 0 < part.get("noisy_share", 0.0) < 1
        std = 0.0 if seen.task.unit is None else math.sqrt(sum(part["std"] ** 2 for part in noise))
        is_laplacian = [part["defense"] for part in noise] == ["Laplacian"]
        return cls(width, tuple(maps), std, is_laplacian, seen.task.unit, partial and not std, tuple(views))

    @property
    def is_noisy(self) -> bool:
        """Whether the defence is known to add noise, to all entries or to some, or to round at random."""
        return self.std > 0 or self.is_partial or bool(self.views)

    def __call__(self, gradients: Tree, observed: Tree) -> Tensor:
        """`{name: [S, ...]}` of candidates (as the model gives them) and of what was shared -> `[S]`."""
        residual, theirs, count = self._entries(gradients, observed)
        if self.std and self.is_laplacian:
            return residual.abs().sum(1) * math.sqrt(2) / self.std
        if self.std:
            return residual.square().sum(1) / (2 * self.std**2)
        squares = residual.square() / (self.width**2 * theirs.square().sum(1) / count)[:, None]
        return squares.log1p().sum(1) if self.is_partial else squares.sum(1) / 2

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
        for view in self.views:
            ours, theirs = view(ours, theirs)
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
    if kind == "Dropout" and part["rescale"]:
        return [partial(_each, function=partial(torch.mul, other=1 / (1 - part["fraction"])))]
    return []


def _views_of(part: Mapping[str, Any]) -> list[GradientTransform]:
    """What a granted defence that rounds at random leaves to be compared."""
    at_random = part["defense"] == "Int8" and part["rounding"] == "stochastic"
    return [QuantisedAtRandom(LEVELS)] if at_random else []


def _each(gradients: Tree, function: Callable[[Tensor], Tensor]) -> Tree:
    return {name: function(value) for name, value in gradients.items()}
