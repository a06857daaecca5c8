"""Runs the user's training step once, plainly, and records what an audit has to know of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from bench.auditing.checks import check_tensors, check_weights, hint
from bench.auditing.leaves import equal, in_float32, leaves, named, rebuilt
from bench.auditing.modes import keep_modes
from bench.auditing.neutral import is_lightning, lightning_loss, neutralised
from bench.auditing.randomness import Tape
from bench.auditing.recorded_loss import LossCall, LossRecorder
from bench.errors import UserError, in_short
from bench.models.losses import fitted
from bench.models.math_attention import math_attention
from bench.models.shared import choose, trained
from bench.models.unwrap import unwrapped_copy

Run = Callable[[nn.Module, Any], Tensor]  # (module, batch) -> loss


@dataclass(frozen=True, eq=False)
class Step:
    """A training step, as it was seen when it ran once.

    Args:
        module: a copy of the user's, in float32, which nothing has changed.
        run: computes the loss of a module and a batch.
        batch: what the data loader gives, in float32.
        inputs: path of the private inputs (`bench.auditing.leaves`).
        targets: path of the targets; None if there are none.
        loss: of the module's output, if it was given apart; None for a LightningModule.
        value: of the loss.
        gradients: `{parameter name: gradient}` of the trained parameters.
        calls: of torch's losses.
        tape: the random numbers of the step; None if it draws none.
        outputs: `{name of a linear layer: what it returned}`.
    """

    module: nn.Module
    run: Run
    batch: Any
    inputs: str
    targets: str | None
    loss: Any
    value: Tensor
    gradients: dict[str, Tensor]
    calls: list[LossCall]
    tape: Tape | None
    outputs: dict[str, Tensor]

    @property
    def private(self) -> Tensor:
        """The inputs, `[B, ...]`."""
        return leaves(self.batch)[self.inputs]

    @property
    def known_targets(self) -> Tensor | None:
        """The targets, `[B, ...]`, or None."""
        return None if self.targets is None else leaves(self.batch)[self.targets]

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the tensors of the batch that are neither inputs nor targets, and that the attacker knows."""
        return tuple(path for path in leaves(self.batch) if path not in (self.inputs, self.targets))

    @property
    def call(self) -> LossCall | None:
        """The loss that compared the targets, or None."""
        targets = self.known_targets
        found = [one for one in self.calls if targets is not None and equal(one.target, targets)]
        return found[-1] if found else None

    @property
    def logits_layer(self) -> str | None:
        """The name of the linear layer whose output the loss took, or None."""
        call = self.call
        return None if call is None else next((n for n, value in self.outputs.items() if value is call.output), None)


def read_step(
    module: nn.Module, loss: Any, batch: Any, inputs: object, targets: object, shared: list[str] | None
) -> Step:
    """Runs the step of a copy of the module once.

    Args:
        module: an nn.Module, or a LightningModule if `loss` is None.
        loss: `(output, targets) -> scalar`; None for the module's own `training_step`.
        batch: see `bench.auditing.leaves`.
        inputs: the name of the private inputs in the batch; None to find them.
        targets: the name of the targets in the batch; None to find them.
        shared: patterns of the parameters that are shared (`bench.models.shared.choose`); None for all trained ones.

    Raises:
        UserError: the step cannot be run, or cannot be repeated.
    """
    if not isinstance(module, nn.Module):
        raise UserError(f"module: want a torch.nn.Module or a LightningModule, got a {type(module).__name__}")
    whole = loss is None
    if whole and not is_lightning(module):
        raise UserError(
            f"module {type(module).__name__} has no training_step: pass loss=, a function of (output, targets), such "
            "as torch.nn.functional.cross_entropy"
        )
    check_tensors(module, batch)
    copied = unwrapped_copy(module)
    keep_modes(copied)
    choose(copied, shared)
    check_weights(copied)
    batch = in_float32(batch)
    where = None if inputs is None else named(batch, inputs, "inputs")
    goal = None if targets is None else named(batch, targets, "targets")
    if whole:
        run: Run = lightning_loss
        copied = neutralised(copied, getattr(module, "_trainer", None))
    else:
        where, goal = _two(batch, where, goal)
        if leaves(batch)[where].dtype == torch.uint8:
            raise UserError("batch: the inputs are uint8; want floating-point numbers (divide images by 255?)")
        run = _Apart(fitted(loss), where, goal)
    found = _seen(copied, run, batch, "training_step" if whole else "the module and its loss")
    where, goal = _paths(batch, where, goal, found) if whole else (where, goal)
    assert where is not None
    step = Step(copied, run, batch, where, goal, loss, found.value, found.gradients, found.calls, None, found.outputs)
    return replace(step, tape=_tape(step, found.tape))


@dataclass(frozen=True, eq=False)
class _Apart:
    """The step of a module and a loss that were given apart."""

    loss: Any
    inputs: str
    targets: str | None

    def __call__(self, module: nn.Module, batch: Any) -> Tensor:
        there = leaves(batch)
        output = module(there[self.inputs])
        found: Tensor = self.loss(output, there[self.inputs if self.targets is None else self.targets])
        return found


@dataclass(frozen=True, eq=False)
class _Seen:
    value: Tensor
    gradients: dict[str, Tensor]
    calls: list[LossCall]
    tape: Tape
    outputs: dict[str, Tensor]
    read: list[str]  # paths of the tensors on which the loss depends


def _seen(module: nn.Module, run: Run, batch: Any, what: str, tape: Tape | None = None) -> _Seen:
    """Runs a step of a copy with gradients by its parameters and by the floating-point tensors of the batch."""
    probe = copy.deepcopy(module)
    floats = {p: v.clone().requires_grad_() for p, v in leaves(batch).items() if v.is_floating_point()}
    outputs: dict[str, Tensor] = {}
    for name, layer in probe.named_modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_hook(lambda m, i, o, name=name: outputs.update({name: o}))
    tape, recorder = tape or Tape(), LossRecorder()
    given = rebuilt(batch, {path: value.clone() for path, value in floats.items()})
    try:
        with torch.enable_grad(), math_attention(), tape, recorder:
            value = run(probe, given)
    except UserError:
        raise
    except Exception as error:  # a step of the user's own may raise anything
        raise UserError(f"{what} cannot be run on this batch: {in_short(error)}{hint(error)}") from error
    if not isinstance(value, Tensor):
        raise UserError(f"the loss is a {type(value).__name__}; want a tensor, one number")
    if value.numel() != 1:
        raise UserError(f"the loss has shape {list(value.shape)}; want one number, such as the mean (reduction='mean')")
    if not value.requires_grad:
        raise UserError("the loss depends on no trained parameter (is it detached, or computed under no_grad?)")
    if not value.isfinite():
        raise UserError(
            f"the loss is {float(value)}; a step whose loss is not finite shares nothing that has a meaning"
        )
    names = trained(probe)
    leaf = [*(probe.get_parameter(name) for name in names), *floats.values()]
    try:
        found = torch.autograd.grad(value.reshape(()), leaf, allow_unused=True)
    except RuntimeError as error:
        raise UserError(f"{what} calls backward itself ({in_short(error)}): it has to return the loss alone") from error
    gradients = {name: torch.zeros_like(probe.get_parameter(name)) if g is None else g for name, g in zip(names, found)}
    read = [path for path, g in zip(floats, found[len(names) :]) if g is not None]
    if not any(g.any() for g in gradients.values()):
        raise UserError("the gradient of every trained parameter is zero, so that this step shares nothing")
    return _Seen(value.detach(), gradients, recorder.calls, tape, outputs, read)


def _tape(step: Step, first: Tape) -> Tape | None:
    """The random numbers of a step that draws any, once it is known that they are all of them.

    Raises:
        UserError: two steps with the same random numbers differ.
    """
    first.recording = False
    again = _seen(step.module, step.run, step.batch, "the step", first)
    if not torch.allclose(again.value, step.value, rtol=1e-5):  # the sums of a GPU differ by rounding
        raise UserError(
            f"module {type(step.module).__name__} is not deterministic: two steps on one batch give the losses "
            f"{float(step.value):.6g} and {float(again.value):.6g}. Random numbers of torch.rand and nn.Dropout are "
            "held; others (numpy, random, dropout inside nn.LSTM or nn.MultiheadAttention) are not: pass "
            "module.eval(), or set that dropout to 0"
        )
    return first if first.values else None


def drawn_again(step: Step) -> Tape:
    """Random numbers of the attacker's own, for a step that draws some."""
    found = _seen(step.module, step.run, step.batch, "the step").tape
    found.recording = False
    return found


def _paths(batch: Any, inputs: str | None, targets: str | None, seen: _Seen) -> tuple[str, str | None]:
    """Finds inputs and targets of a step that takes the batch as a whole.

    Raises:
        UserError: it cannot be seen which tensors they are.
    """
    there = leaves(batch)
    if targets is None:
        compared = [p for p, v in there.items() if p != inputs and any(equal(one.target, v) for one in seen.calls)]
        # Another tensor may hold the same numbers by chance, but hardly in the same type and shape.
        alike = {p: any(_same_form(one.target, there[p]) for one in seen.calls) for p in compared}
        compared.sort(key=lambda path: not alike[path])
        spared = [p for p in compared if p not in seen.read or len(seen.read) > 1]
        targets = spared[0] if spared else None
        if targets is None and len(there) == 2 and not seen.calls:
            targets = next((path for path in there if path not in seen.read or path == list(there)[1]), None)
    if inputs is None:
        left = [path for path in seen.read if path != targets]
        if len(left) != 1:
            names = ", ".join(repr(path) for path in (left or there))
            raise UserError(
                f"batch: the loss depends on {len(left)} floating-point tensors, so it is not seen which one is "
                f"private ({names}): name it, as in inputs={next(iter(left or there), 'image')!r}; the others then "
                "count as known to the attacker"
            )
        inputs = left[0]
    return inputs, targets


def _same_form(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape


def _two(batch: Any, inputs: str | None, targets: str | None) -> tuple[str, str | None]:
    """Finds inputs and targets of a batch for a module and a loss: the first and the second of two tensors.

    Raises:
        UserError: there are more of them, or none.
    """
    there = list(leaves(batch))
    left = [path for path in there if path not in (inputs, targets)]
    if inputs is None and left and len(left) <= (2 if targets is None else 1):
        inputs = left.pop(0)
    if inputs is not None and targets is None and len(left) == 1:
        targets = left[0]
    if inputs is None or (targets is None and left):
        names = ", ".join(repr(path) for path in there) or "no tensors"
        raise UserError(f"batch: it has {names}; name the private inputs and the targets: inputs=..., targets=...")
    return inputs, targets
