"""The user's step in the form in which it is attacked: a model of images in the attacker's units, and a loss."""

from __future__ import annotations

import contextlib
import copy
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap

from bench.auditing.kinds.base import Kind
from bench.auditing.leaves import leaves, rebuilt
from bench.auditing.randomness import Tape
from bench.auditing.step import Run, Step
from bench.auditing.targets import Targets
from bench.errors import UserError, in_short
from bench.models.batch_statistics import normalise_by_batch
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import ModelInfo, gradient_of
from bench.models.losses import fitted
from bench.models.math_attention import math_attention
from bench.models.shared import parted, trained
from bench.models.whole_step import WholeStep

PREFIX = "module."  # of the user's parameters
_CLOSE = 1e-3  # relative distance up to which two gradients in float32 count as equal


@dataclass(frozen=True, eq=False)
class Attacked:
    """A step that can be attacked.

    Args:
        model: from images in the attacker's units to logits, or a `WholeStep`.
        loss: `(logits, targets) -> scalar`; a `WholeStep` does not use it.
        info: of a `WholeStep`; None for a model, which `bench.models.introspect` looks at.
        kind: of the inputs.
        targets: see `Targets`.
        granted: whether the attacker knows the targets.
    """

    model: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    info: ModelInfo | None
    kind: Kind
    targets: Targets
    granted: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of what is reconstructed: inputs, and the channels that code targets."""
        channels, height, width = self.kind.packed
        return channels + (0 if self.granted else self.targets.channels), height, width

    def prepared(self) -> nn.Module:
        """A copy of the model as a client computes with it."""
        model = copy.deepcopy(self.model).train(self.model.training)
        normalise_by_batch(model)
        replace_norms(model)
        return model


class BatchStep(WholeStep):
    """The user's step on a batch of which inputs and targets are the attacker's, and everything else is public.

    Args:
        step: see `Step`; nothing private is kept.
        kind: of the inputs.
        targets: see `Targets`.
        granted: whether the targets are kept.
        tape: the random numbers that are used; None if the step draws none.
    """

    def __init__(self, step: Step, kind: Kind, targets: Targets, granted: bool, tape: Tape | None) -> None:
        super().__init__()
        self.to_user, self.module = kind.to_user().to(step.private.device), copy.deepcopy(step.module)
        self.training = step.module.training
        self.kind, self.targets, self.granted, self._tape = kind, targets, granted, tape
        self._run: Run = step.run
        self._inputs, self._goal = step.inputs, step.targets
        hidden = [self._inputs, *([] if granted or self._goal is None else [self._goal])]
        there = leaves(step.batch)
        self._batch = rebuilt(step.batch, {path: torch.zeros_like(there[path]) for path in hidden})

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """See `WholeStep.forward`; `targets` is used only if the targets are classes."""
        channels = self.kind.packed[0]
        values: dict[str, Tensor] = {
            path: value.to(inputs.dtype) for path, value in leaves(self._batch).items() if value.is_floating_point()
        }
        values[self._inputs] = self.to_user(inputs[:, :channels])
        if self._goal is not None and self.targets.kind == "classes":
            values[self._goal] = targets if targets.is_floating_point() else targets.reshape(-1, *self.targets.shape)
        elif self._goal is not None and not self.granted:
            values[self._goal] = self.targets.decode(inputs[:, channels:], self.kind)
        elif self._goal in values:  # torch has no forward derivative of mse_loss if its target has no tangent at all
            values[self._goal] = values[self._goal] + 0 * inputs.sum()
        with contextlib.nullcontext() if self._tape is None else self._tape:
            return self._run(self.module, rebuilt(self._batch, values)).reshape(())


def attacked(step: Step, kind: Kind, targets: Targets, granted: bool, tape: Tape | None) -> Attacked:
    """Brings a step into the form in which it is attacked.

    Args:
        step: see `Step`.
        kind: of the inputs.
        targets: see `Targets`.
        granted: whether the attacker knows the targets.
        tape: the random numbers that the attacker uses; None if the step draws none.

    Raises:
        UserError: the gradient of the step cannot be differentiated.
    """
    if targets.kind == "classes" and tape is None and (pair := _pair(step, kind, targets)) is not None:
        return Attacked(pair[0], pair[1], None, kind, targets, granted)
    model = BatchStep(step, kind, targets, granted, tape)
    linear = step.logits_layer if targets.kind == "classes" else None
    found = Attacked(model, _no_loss, None, kind, targets, granted)
    if targets.kind == "classes":
        model.hard_labels = _refusal(found, len(step.private))
    info = _info(found, len(step.private), linear)
    return Attacked(model, _no_loss, info, kind, targets, granted)


def _no_loss(output: Tensor, targets: Tensor) -> Tensor:
    """Stands where a loss is asked for; a `WholeStep` has its own."""
    return output


def _pair(step: Step, kind: Kind, targets: Targets) -> tuple[nn.Module, Any] | None:
    """Model and loss, if the step is nothing but a loss of the module's output; else None."""
    call, private, goal = step.call, step.private, step.known_targets
    assert goal is not None
    loss = step.loss
    if loss is None:
        if call is None or not torch.equal(call.value.detach().reshape(()), step.value.reshape(())):
            return None
        loss = partial(_called, call.function, dict(call.options))
    if goal.dim() != 1 or goal.is_floating_point():
        return None
    model = nn.Sequential(OrderedDict(inputs=kind.to_user(), module=copy.deepcopy(step.module))).to(private.device)
    model.training = step.module.training
    try:
        with torch.no_grad(), math_attention():
            output = copy.deepcopy(step.module)(private)
            same = isinstance(output, Tensor) and output.shape == (len(private), targets.classes)
            same = same and torch.allclose(
                fitted(loss)(output, goal.long()).reshape(()), step.value.reshape(()), rtol=1e-4
            )
    except Exception:  # the module's forward need not be what its training step calls
        return None
    return (model, fitted(loss)) if same else None


def _called(function: Callable[..., Tensor], options: dict[str, Any], output: Tensor, targets: Tensor) -> Tensor:
    """One of torch's losses with the options that a step gave it, in the type of the output."""
    typed = {n: v.to(output) if isinstance(v, Tensor) and v.is_floating_point() else v for n, v in options.items()}
    return function(output, targets, **typed)


def difference(found: Attacked, step: Step, inputs: Tensor, labels: Tensor) -> float:
    """The relative distance between the gradient that is attacked and the one that the user's step computed.

    Args:
        found: with the random numbers of the client.
        step: see `Step`.
        inputs: `[B, C, H, W]`, the private inputs with the channels that code targets.
        labels: `[B]`.
    """
    with math_attention():
        x = inputs.clone().requires_grad_()
        ours = gradient_of(model := found.prepared(), found.loss)(*_trees(model), x, labels)
        if not _slope_of(ours, x).any():
            raise UserError("the gradient does not depend on the inputs, so that this step says nothing of them")
    theirs = torch.cat([step.gradients[name.removeprefix(PREFIX)].flatten() for name in ours])
    mine = torch.cat([value.detach().flatten() for value in ours.values()])
    return float((mine - theirs).norm() / theirs.norm())


def check_same(found: Attacked, step: Step, inputs: Tensor, labels: Tensor) -> None:
    """Checks that what is attacked is what the user's step computes; for the arguments see `difference`.

    Raises:
        UserError: it is not.
    """
    try:
        distance = difference(found, step, inputs, labels)
    except UserError:
        raise
    except Exception as error:  # a step of the user's own may raise anything
        raise UserError(_no_gradient(found, error)) from error
    if not distance <= _CLOSE:
        raise UserError(
            f"the step cannot be audited as it is: its gradient by torch.func differs from its own by {distance:.1%}. "
            "Reasons seen: a state that the step changes, class weights with probabilities as targets "
            "(overrides=('threat=labels_known',))"
        )


def _trees(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    held = {name: value.detach() for name, value in model.named_parameters()}
    return parted(held, {name: value.detach() for name, value in model.named_buffers()}, trained(model))


def _blank(found: Attacked, count: int) -> Tensor:
    """A ramp `[B, C, H, W]` within the span, which says nothing of the private batch."""
    low, high = found.kind.span
    middle, half = (low + high) / 2, min(0.5, (high - low) / 2)
    device = next(found.model.parameters()).device
    size = count * torch.Size(found.shape).numel()
    return torch.linspace(middle - half, middle + half, size, device=device).reshape(count, *found.shape)


def _labels(found: Attacked, count: int) -> Tensor:
    return torch.arange(count, device=next(found.model.parameters()).device) % found.targets.classes


def _refusal(found: Attacked, count: int) -> str | None:
    """Why a step takes no probabilities as labels, as the end of a sentence; None if it takes them like classes."""
    inputs, labels = _blank(found, count), _labels(found, count)
    soft = torch.nn.functional.one_hot(labels, found.targets.classes).to(inputs.dtype).requires_grad_()
    model = found.prepared()
    try:
        with math_attention():
            value, other = model(inputs, labels), model(inputs, soft)
            torch.autograd.grad(other, soft)
    except Exception:  # a step of the user's own may raise anything
        return "the step takes class indices and no probabilities"
    if not torch.allclose(value, other, rtol=1e-4):
        values = f"{other.item():.4g}, not {value.item():.4g}"
        return f"the loss at one-hot probabilities is not that at class indices ({values})"
    return None


def _info(found: Attacked, count: int, linear: str | None) -> ModelInfo:
    """Facts about a `BatchStep`; its second derivative is computed once, mapped over victims and plainly.

    Raises:
        UserError: there is none.
    """
    model = found.prepared()
    inputs, labels = _blank(found, count), _labels(found, count)
    try:
        plain = _slope(model, inputs, labels, mapped=False)
    except UserError:
        raise
    except Exception as error:  # a step of the user's own may raise anything
        raise UserError(_no_gradient(found, error)) from error
    try:
        mapped = _slope(model, inputs, labels, mapped=True)
        mappable = torch.allclose(mapped, plain, rtol=1e-3, atol=1e-5 * float(plain.abs().max()))
    except Exception:  # what vmap cannot map is done one by one
        mappable = False
    sizes = [(value.numel(), value.requires_grad) for value in model.parameters()]
    weight = None if linear is None else f"{PREFIX}{linear}.weight"
    has_bias = linear is not None and f"{PREFIX}{linear}.bias" in dict(model.named_parameters())
    return ModelInfo(
        parameters=sum(size for size, free in sizes if free),
        last_linear=weight,
        last_bias=f"{PREFIX}{linear}.bias" if has_bias else None,
        mappable=mappable,
        frozen=sum(size for size, free in sizes if not free),
    )


def _slope(model: nn.Module, inputs: Tensor, labels: Tensor, mapped: bool) -> Tensor:
    """The derivative of the gradient's squared length by the inputs."""
    x, gradient = inputs.clone().requires_grad_(), gradient_of(model, _no_loss)
    parameters, buffers = _trees(model)
    if mapped:
        rows = [{name: value[None] for name, value in tree.items()} for tree in (parameters, buffers)]
        found = vmap(gradient)(*rows, x[None], labels[None])
    else:
        found = gradient(parameters, buffers, x, labels)
    return _slope_of(found, x)


def _slope_of(gradients: dict[str, Tensor], x: Tensor) -> Tensor:
    total = torch.stack([value.square().sum() for value in gradients.values()]).sum()
    return torch.autograd.grad(total, x)[0] if total.requires_grad else torch.zeros_like(x)


def _no_gradient(found: Attacked, error: Exception) -> str:
    return (
        f"torch.func cannot differentiate the step ({in_short(error)}): it may call backward or .item(), change "
        "tensors in place, or use an operation without a second derivative (attention under a kernel that it names: "
        "torch.nn.attention.sdpa_kernel(SDPBackend.MATH))"
    )
