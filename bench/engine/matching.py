"""The value and gradient of "distance between gradients", for many victims at once.

The inner gradient (of the model's loss, with respect to its parameters) is `torch.func.grad` mapped over victims with
`vmap`; the outer one (of the distance, with respect to the dummies) is plain autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.func import vmap

from bench.engine.kernels.layout import beside, is_ours
from bench.engine.parametrisation import Parametrisation, Pixels
from bench.engine.units import comparable
from bench.messages.observation import Observation
from bench.models.text.base import pack

Objective = Callable[[dict[str, Tensor], dict[str, Tensor]], Tensor]
Prior = Callable[[Tensor], Tensor]
Slotted = tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]

T = TypeVar("T", bound="Layout")

_PIXELS = Pixels()


@dataclass(frozen=True)
class Layout:
    """The layout of one victim's n variables: those of B inputs, then B rows of label logits if labels are optimised.

    Args:
        batch_size: B.
        input_shape: `(C, H, W)`.
        label_logits: K, or 0 if the labels are fixed.
        variables: how images are represented by variables.
    """

    batch_size: int
    input_shape: tuple[int, ...]
    label_logits: int
    variables: Parametrisation = _PIXELS

    @property
    def inputs(self) -> int:
        """The number of variables that represent the B images; as pixels, they are B x C x H x W."""
        return self.variables.size(self.batch_size, self.input_shape)

    @property
    def n(self) -> int:
        """The number of variables per victim, logits included."""
        return self.inputs + self.batch_size * self.label_logits

    def extended(self, kind: Callable[..., T], **more: Any) -> T:
        """The same layout as `kind`, a subclass with further variables, which `more` describes."""
        return kind(self.batch_size, self.input_shape, self.label_logits, self.variables, **more)

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> images `[S, B, C, H, W]` and label logits `[S, B, K]` (None if fixed)."""
        images = self.variables.images(z[:, : self.inputs], self.batch_size, self.input_shape)
        if not self.label_logits:
            return images, None
        return images, z[:, self.inputs :].reshape(-1, self.batch_size, self.label_logits)


class Arrangement(Protocol):
    """The layout of one victim's variables in a vector: `Layout` for images, `Embedded` for sentences."""

    @property
    def n(self) -> int:
        """The number of variables per victim."""

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> inputs `[S, B, ...]`, and label logits or None."""


class Matching:
    """The attacker's objective on S slots, each of which holds one victim of an observation.

    Both gradients are brought to units in which they can be compared before the objective sees them
    (`bench.engine.units`).

    Args:
        seen: the observation of all V victims.
        layout: how a victim's variables are laid out, see `Arrangement`.
        objective: `(gradients {name: [S, ...]}, observed {name: [S, ...]}) -> [S]`.
        labels: as `Victims.labels`; None if the layout has label logits.
        dtype: type of the computation.
        priors: penalties, `inputs [S, B, ...] -> [S]` each, added to the objective.
        mask: `[V, B, T]`, bool, true at the tokens of sentences; None for images.
        predicted: `[V, B, T]`, bool, true at tokens that a language model predicts; None unless the layout has token
            logits.
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
        # One model for all victims arrives as an expanded tensor, so we neither map over it nor copy it.
        self._shared = all(value.stride(0) == 0 for value in seen.parameters.values())
        self.mappable = seen.task.mappable
        self._per_victim = vmap if self.mappable else _one_by_one
        self._slots: dict[str, dict[str, Tensor]] = {}
        self._compiled: Callable[..., tuple[Tensor, Tensor]] | None = None
        self._compiled_slots = 0
        self._beside = False

    def load(self, victims: Tensor) -> None:
        """Puts the victims (positions in the observation, `[S]`) into the slots; their number may change."""
        seen = self._seen
        self._slots["observed"] = self._cast({name: value[victims] for name, value in seen.gradients.items()})
        for key, group in (("parameters", seen.parameters), ("buffers", seen.buffers)):
            self._slots[key] = self._cast({name: v[0] if self._shared else v[victims] for name, v in group.items()})
        self._slots["known"] = {name: value[victims] for name, value in self._known.items()}

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        """Puts `victims` (positions in the observation, `[k]`) into the slots numbered `slots` `[k]`; others stay."""
        seen = self._seen
        groups = {"observed": seen.gradients, "known": self._known}
        if not self._shared:
            groups |= {"parameters": seen.parameters, "buffers": seen.buffers}
        for key, group in groups.items():
            for name, value in group.items():
                self._slots[key][name][slots] = value[victims].to(self._slots[key][name].dtype)

    def prepare(self, evaluations: Tensor) -> None:
        """Told before each evaluation how often each slot was evaluated, `[S]`; most objectives are always the same."""

    def _cast(self, group: dict[str, Tensor]) -> dict[str, Tensor]:
        cast = {name: v.to(self._dtype) if v.is_floating_point() else v for name, v in group.items()}
        return {name: beside(v) if self._beside and is_ours(v.shape) else v for name, v in cast.items()}

    def lay_beside(self) -> None:
        """Lays the weights of convolutions, and their gradients, out as `bench.engine.kernels` reads them fastest."""
        if not self._beside and not self._shared:
            self._beside = True
            self._slots |= {
                key: self._cast(self._slots[key]) for key in ("observed", "parameters") if key in self._slots
            }

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, n]` -> objective `[S]` and its gradient `[S, n]`, by the compiled function if one fits."""
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
        """Value and gradient as a function of everything that they depend on, so that it can be traced.

        Args:
            parameters: `{name: [S, ...]}`, without the dimension S if all victims share one model.
            buffers: as `parameters`.
            observed: `{name: [S, ...]}`, the shared gradients.
            known: labels, mask and predicted places, those of them that are known, `[S, ...]` each.
            z: `[S, n]`, the variables.

        Returns:
            The objective `[S]` and its gradient `[S, n]`.
        """
        z = z.detach().requires_grad_()
        values = self._values((parameters, buffers, observed, known), z)
        (g,) = torch.autograd.grad(values.sum(), z)
        return values.detach(), g

    def value(self, z: Tensor) -> Tensor:
        """`[S, n]` -> the objective `[S]` alone, at about a third of the cost; never compiled."""
        with torch.no_grad():
            return self._values(self.arguments(), z)

    def _values(self, held: Slotted, z: Tensor) -> Tensor:
        gradients, theirs, inputs = self._compared(held, z)
        values = self.objective(gradients, theirs)
        for prior in self.priors:
            values = values + prior(inputs)
        return values

    def _compared(self, held: Slotted, z: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """The gradients of the dummies and the observed ones, in units that can be compared, and the dummy inputs."""
        parameters, buffers, observed, known = held
        inputs, logits = self.layout.split(z)
        targets = known["labels"] if logits is None else logits.softmax(-1)
        if logits is not None and "predicted" in known:
            targets = targets * known["predicted"].unsqueeze(-1)
        given, targets = self._examples(pack(inputs, known["mask"]) if "mask" in known else inputs, targets, z)
        model, dim = self._model(parameters, observed, z)
        constants, of_constants = self._constants(buffers, z)
        mapped = self._per_victim(self._seen.task.gradient, in_dims=(dim, of_constants, 0, 0))
        gradients = mapped(model, constants, given, targets)
        return *comparable(gradients, observed, self._seen.task.unit), inputs

    def _examples(self, given: Tensor, targets: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """The examples whose gradients are computed; a subclass may add some that the client has made."""
        return given, targets

    def _model(
        self, parameters: dict[str, Tensor], observed: dict[str, Tensor], z: Tensor
    ) -> tuple[dict[str, Tensor], int | None]:
        """The parameters at which gradients are computed, and their dimension of slots; None if slots share them."""
        return parameters, None if self._shared else 0

    def _constants(self, buffers: dict[str, Tensor], z: Tensor) -> tuple[dict[str, Tensor], int | None]:
        """The buffers with which gradients are computed, and their dimension of slots; None if slots share them."""
        return buffers, None if self._shared else 0

    def use(self, compiled: Callable[..., tuple[Tensor, Tensor]] | None, slots: int) -> None:
        """Uses `compiled` in place of `function` whenever there are exactly `slots` slots; None removes it."""
        self._compiled, self._compiled_slots = compiled, slots

    @property
    def compiled_slots(self) -> int | None:
        """The one number of slots that the compiled function serves; None if nothing is compiled."""
        return None if self._compiled is None else self._compiled_slots

    @property
    def shares_model(self) -> bool:
        """Whether all victims have the same parameters and buffers."""
        return self._shared

    def one_by_one(self) -> None:
        """Evaluates the victims in a loop from now on instead of mapping over them."""
        self._per_victim = _one_by_one


def _one_by_one(function: Callable[..., dict[str, Tensor]], in_dims: tuple[int | None, ...]) -> Callable[..., dict]:
    """Does in a loop what `vmap` does, for models that vmap cannot map (running statistics, branches on data)."""

    def mapped(*arguments: dict[str, Tensor] | Tensor) -> dict[str, Tensor]:
        count = len(arguments[2])
        rows = [function(*(_row(a, d, i) for a, d in zip(arguments, in_dims))) for i in range(count)]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    return mapped


def _row(argument: dict[str, Tensor] | Tensor, dim: int | None, i: int) -> dict[str, Tensor] | Tensor:
    if dim is None:
        return argument
    return {name: value[i] for name, value in argument.items()} if isinstance(argument, dict) else argument[i]
