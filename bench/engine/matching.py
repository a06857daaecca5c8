"""The value and gradient of "distance between gradients", for many victims at once.

The inner gradient (of the model's loss, with respect to its parameters) is `torch.func.grad` mapped over victims with
`vmap`; the outer one (of the distance, with respect to the dummies) is plain autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

import torch
from torch import Tensor
from torch.func import vmap

from bench.engine.parametrisation import Parametrisation, Pixels
from bench.engine.units import comparable
from bench.messages import Observation
from bench.models.text.base import pack

Objective = Callable[[dict[str, Tensor], dict[str, Tensor]], Tensor]
Prior = Callable[[Tensor], Tensor]
Slotted = tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]

_PIXELS = Pixels()


@dataclass(frozen=True)
class Layout:
    """How one victim's variables lie in a vector of n: B inputs, then B rows of label logits if those are optimised.

    Args:
        batch_size: B; input_shape: `(C, H, W)`.
        label_logits: K, or 0 where the labels are fixed.
        variables: what stands for an image.
    """

    batch_size: int
    input_shape: tuple[int, ...]
    label_logits: int
    variables: Parametrisation = _PIXELS

    @property
    def inputs(self) -> int:
        """Entries that are pixels."""
        return self.batch_size * prod(self.input_shape)

    @property
    def n(self) -> int:
        """Entries in all."""
        return self.inputs + self.batch_size * self.label_logits

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> images `[S, B, C, H, W]` and label logits `[S, B, K]` (None where fixed)."""
        images = self.variables.decode(z[:, : self.inputs].reshape(-1, self.batch_size, *self.input_shape))
        if not self.label_logits:
            return images, None
        return images, z[:, self.inputs :].reshape(-1, self.batch_size, self.label_logits)


class Arrangement(Protocol):
    """How one victim's variables lie in a vector: `Layout` for images, `Embedded` for sentences."""

    @property
    def n(self) -> int:
        """Entries in all."""

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> inputs `[S, B, ...]`, and label logits or None."""


class Matching:
    """The attacker's objective on S slots, each of which holds one victim of an observation.

    Both gradients come to the objective in units in which they can be compared (`bench.engine.units`).

    Args:
        seen: the observation of all V victims.
        layout: see `Arrangement`.
        objective: `(gradients {name: [S, ...]}, observed {name: [S, ...]}) -> [S]`.
        labels: as `Victims.labels` where the layout has no logits.
        dtype: of the computation.
        priors: `inputs [S, B, ...] -> [S]` each, added to the objective.
        mask: `[V, B, T]`, bool, where the tokens of sentences stand; None for images.
        predicted: `[V, B, T]`, bool, where a language model has a token to predict, for a layout with logits of tokens.
    """

    def __init__(
        self,
        seen: Observation,
        layout: Arrangement,
        objective: Objective,
        labels: Tensor | None,
        dtype: torch.dtype,
        priors: Sequence[Prior] = (),
        mask: Tensor | None = None,
        predicted: Tensor | None = None,
    ) -> None:
        self.layout = layout
        self.objective, self.priors = objective, tuple(priors)
        self._seen, self._dtype = seen, dtype
        known = {"labels": labels, "mask": mask, "predicted": predicted}
        self._known = {name: value for name, value in known.items() if value is not None}
        # one model for all victims arrives as an expanded tensor: map over nothing there, and copy nothing
        self._shared = all(value.stride(0) == 0 for value in seen.parameters.values())
        self.mappable = seen.task.mappable
        self._per_victim = vmap if self.mappable else _one_by_one
        self._slots: dict[str, dict[str, Tensor]] = {}
        self._compiled: Callable[..., tuple[Tensor, Tensor]] | None = None
        self._compiled_slots = 0

    def load(self, victims: Tensor) -> None:
        """Puts the victims (positions in the observation, `[S]`) into the slots."""
        seen = self._seen
        self._slots["observed"] = self._cast({name: value[victims] for name, value in seen.gradients.items()})
        for key, group in (("parameters", seen.parameters), ("buffers", seen.buffers)):
            self._slots[key] = self._cast({name: v[0] if self._shared else v[victims] for name, v in group.items()})
        self._slots["known"] = {name: value[victims] for name, value in self._known.items()}

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        """Puts `victims` into the slots numbered `slots`; the others stay."""
        seen = self._seen
        groups = {"observed": seen.gradients, "known": self._known}
        if not self._shared:
            groups |= {"parameters": seen.parameters, "buffers": seen.buffers}
        for key, group in groups.items():
            for name, value in group.items():
                self._slots[key][name][slots] = value[victims].to(self._slots[key][name].dtype)

    def _cast(self, group: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: v.to(self._dtype) if v.is_floating_point() else v for name, v in group.items()}

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, n]` -> objective `[S]` and its gradient `[S, n]`."""
        function = self._compiled if self._compiled is not None and len(z) == self._compiled_slots else self.function
        return function(*self.arguments(), z)

    def arguments(self) -> Slotted:
        """What the slots hold: parameters, buffers, observed gradients, and what is known (labels, mask, predicted)."""
        held = self._slots
        return held["parameters"], held["buffers"], held["observed"], held["known"]

    def function(
        self,
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        observed: dict[str, Tensor],
        known: dict[str, Tensor],
        z: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The same as a function of everything it reads, so that it can be traced."""
        z = z.detach().requires_grad_()
        values = self._values(parameters, buffers, observed, known, z)
        (g,) = torch.autograd.grad(values.sum(), z)
        return values.detach(), g

    def value(self, z: Tensor) -> Tensor:
        """`[S, n]` -> the objective `[S]` alone, at about a third of the cost; never compiled."""
        with torch.no_grad():
            return self._values(*self.arguments(), z)

    def _values(
        self,
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        observed: dict[str, Tensor],
        known: dict[str, Tensor],
        z: Tensor,
    ) -> Tensor:
        inputs, logits = self.layout.split(z)
        targets = known["labels"] if logits is None else logits.softmax(-1)
        if logits is not None and "predicted" in known:
            targets = targets * known["predicted"].unsqueeze(-1)
        given = pack(inputs, known["mask"]) if "mask" in known else inputs
        model = None if self._shared else 0
        mapped = self._per_victim(self._seen.task.gradient, in_dims=(model, model, 0, 0))
        gradients = mapped(parameters, buffers, given, targets)
        values = self.objective(*comparable(gradients, observed, self._seen.task.unit))
        for prior in self.priors:
            values = values + prior(inputs)
        return values

    def use(self, compiled: Callable[..., tuple[Tensor, Tensor]] | None, slots: int) -> None:
        """From now on `compiled` stands for `function` where there are exactly `slots` slots."""
        self._compiled, self._compiled_slots = compiled, slots

    @property
    def compiled_slots(self) -> int | None:
        """The one size that a compiled function serves, or None."""
        return None if self._compiled is None else self._compiled_slots

    @property
    def shares_model(self) -> bool:
        """Whether all victims have one model."""
        return self._shared

    def one_by_one(self) -> None:
        """Takes the victims in a loop instead of mapping over them."""
        self._per_victim = _one_by_one


def _one_by_one(function: Callable[..., dict[str, Tensor]], in_dims: tuple[int | None, ...]) -> Callable[..., dict]:
    """What `vmap` does, as a loop: for models that it cannot map (running statistics, data-dependent flow)."""

    def mapped(*arguments: dict[str, Tensor] | Tensor) -> dict[str, Tensor]:
        count = len(arguments[2])
        rows = [function(*(_row(a, d, i) for a, d in zip(arguments, in_dims))) for i in range(count)]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    return mapped


def _row(argument: dict[str, Tensor] | Tensor, dim: int | None, i: int) -> dict[str, Tensor] | Tensor:
    if dim is None:
        return argument
    return {name: value[i] for name, value in argument.items()} if isinstance(argument, dict) else argument[i]
