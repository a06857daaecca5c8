"""Soteria: Sun, Li, Wang, Yang, Li and Chen, "Provable Defense against Privacy Leakage in Federated Learning", 2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, jvp, vmap

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree
from bench.defenses.encoding import Encoding
from bench.defenses.mapping import each
from bench.defenses.privacy import Privacy
from bench.defenses.pruning import left
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable
from bench.models.math_attention import math_attention
from bench.models.text.base import TextModel

_OFFSET = 0.1
_AT_ONCE = 256  # number of rows or columns of the Jacobian computed together, which bounds the memory of activations


def features(model: nn.Module, layer: str, parameters: Tree, buffers: Tree, inputs: Tensor) -> Tensor:
    """Returns the inputs `[B, F]` of the linear layer of that name.

    Args:
        model: the network.
        layer: name of the linear layer.
        parameters: `{name: tensor}`.
        buffers: `{name: tensor}`.
        inputs: `[B, C, H, W]`.
    """
    seen: list[Tensor] = []
    hook = model.get_submodule(layer).register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    try:
        with math_attention():
            functional_call(model, (parameters, buffers), (inputs,))
    finally:
        hook.remove()
    return seen[0]


def sensitivity(represent: Any, example: Tensor) -> Tensor:
    """Returns `[F]`: `||d r_i / dx||_2 / (|r_i| + 0.1)` of one example, with r = `represent(example)` (equation 10).

    The 0.1 is that of the authors' code (github.com/jeremy313/Soteria, GS_attack/reconstruct_image.py). Without it, a
    feature that is off (behind a ReLU) is 0/0. With it, such a feature has a sensitivity of 0 and is masked first,
    although its column is zero anyway. If more features are off than are to be masked, nothing changes.

    Departs: that code divides by the signed feature plus 0.1, which has a pole at -0.1. The features of the published
    networks (behind a ReLU or a sigmoid) are not negative, and for these both formulas are equal.
    """

    value = represent(example)
    return _norms(represent, example, value.numel()) / (value.abs() + _OFFSET)


def _norms(represent: Any, example: Tensor, count: int) -> Tensor:
    """`[F]`: the norm of each row of the Jacobian, F = `count`."""
    # A column of the Jacobian is one forward pass, and a row one backward pass, which takes twice the time.
    if example.numel() <= 2 * count:
        try:
            return _by_columns(represent, example)
        except RuntimeError:  # an operation has no derivative in forward mode
            pass
    return _by_rows(represent, example)


def _by_columns(represent: Any, example: Tensor) -> Tensor:
    """`[F]`: the norm of each row of the Jacobian, by forward mode."""
    directions = torch.eye(example.numel(), dtype=example.dtype, device=example.device).view(-1, *example.shape)

    def column(direction: Tensor) -> Tensor:
        found: Tensor = jvp(represent, (example,), (direction,))[1]
        return found

    columns: Tensor = vmap(column, chunk_size=_AT_ONCE)(directions)
    return columns.norm(dim=0)


def _by_rows(represent: Any, example: Tensor) -> Tensor:
    """`[F]`: the norm of each row of the Jacobian, by reverse mode."""
    jacobian: Tensor = jacrev(represent, chunk_size=_AT_ONCE)(example)
    return jacobian.flatten(1).norm(dim=1)


@dataclass(frozen=True)
class Soteria(Defense):
    """Sets columns of one linear layer's gradient to zero: those of the features least sensitive to the input.

    Every other tensor is shared as it is, so an attacker that leaves this layer out meets no defence.

    Args:
        fraction: share of the features that are masked, in [0, 1); sensitivities are summed over the batch.
        layer: name of the linear layer in the model; null for the one that ends the model.

    Raises:
        ValueError: the fraction is not in [0, 1).
    """

    fraction: float
    layer: str | None
    level = "gradient"

    def __post_init__(self) -> None:
        if not 0 <= self.fraction < 1:
            raise ValueError(f"fraction={self.fraction}: want 0 <= fraction < 1, the share of features that are masked")

    @property
    def must_change(self) -> bool:
        """Whether any feature is masked."""
        return self.fraction > 0

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that runs the inner step and then applies the mask.

        Raises:
            NotApplicable: the model reads sentences, there is no such linear layer, its weight is not trained, or
                BatchNorm normalises by the batch.
        """
        if isinstance(local.model, TextModel):
            raise NotApplicable(
                "defense Soteria takes the derivative of features by the input, and tokens have none (defense=pruning, "
                "dropout, gaussian, ... protect sentences too)"
            )
        if local.batch_statistics:
            raise NotApplicable(
                "defense Soteria needs the features of each sample, and BatchNorm in train mode mixes them "
                "(model.mode=eval, or a model with another normalisation)"
            )
        return _Masked(inner, self, local, self.name_in(local), inner.depth + 1)

    def name_in(self, local: ClientContext) -> str:
        """The name of the layer in this model.

        Raises:
            NotApplicable: there is no such linear layer, or its weight is not trained.
        """
        if self.layer is None and local.last_linear is None:
            raise NotApplicable("defense Soteria needs a model that ends in a linear layer, or defense.layer=NAME")
        name = self.layer if self.layer is not None else str(local.last_linear).removesuffix("weight").rstrip(".")
        linear = [n for n, module in local.model.named_modules() if isinstance(module, nn.Linear)]
        if name not in linear:
            raise NotApplicable(
                f"defense Soteria: the model has no linear layer {name!r} (there are {', '.join(linear)})"
            )
        if not local.model.get_submodule(name).weight.requires_grad:
            raise NotApplicable(
                f"defense Soteria masks the gradient of {name}.weight, which is not shared (model.shared; "
                "requires_grad)"
            )
        return name

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """The facts of every defence, with the layer's name in this model."""
        return super().facts(local) | {"layer": self.name_in(local)}

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Returns None, because the mask is computed from the private inputs again."""
        return None

    def encode(self, sent: Encoding) -> Encoding:
        """What was sent before; the masked columns of one layer are not counted as saved."""
        return sent


@dataclass(frozen=True, eq=False)
class _Masked(ClientStep):
    inner: ClientStep
    part: Soteria
    local: ClientContext
    layer: str
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        return self.inner.noise(shapes, batch_size, stream)

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        gradients, state = self.inner(parameters, buffers, inputs, labels, noise, state)

        def of(example: Tensor) -> Tensor:
            return features(self.local.model, self.layer, parameters, buffers, example[None])[0].flatten()

        # The mask is constant between its jumps, so no derivative is taken through it.
        scores = each(lambda example: sensitivity(of, example), (inputs.detach(),), self.local.mappable).sum(0)
        # Ranks mask exactly this many features. Features that are off in every example are equal, as are their columns.
        rank = scores.argsort().argsort()
        masked = len(scores) - left(len(scores), self.part.fraction)
        name = f"{self.layer}.weight".lstrip(".")
        return {**gradients, name: torch.where(rank < masked, 0.0, gradients[name])}, state
