"""Checks that the second derivative of a model is what autograd gives for it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.models.text.base import TextModel

Loss = Callable[[Tensor, Tensor], Tensor]
_STEPS = (1e-6, -1e-6, 1e-7, -1e-7, 1e-8, -1e-8, 1e-9, -1e-9)  # steps of the finite differences
_FEW = 4  # examples that are differentiated: a derivative that is missing or loses a term does so for any number of
# them, and the kinks of ReLUs, which disturb finite differences, grow with it
_ROUNDING = 1e-13  # relative rounding of a squared float64 gradient: 450 units in the last place, ten times that seen


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its type."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def check_second_derivative(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor, kind: str) -> None:
    """Checks that the gradient by the parameters can be differentiated by the input, and that nothing is lost in it.

    Args:
        model: in float32, on the device of `inputs`.
        loss: `(logits, targets) -> scalar`.
        inputs: a blank batch `[B, ...]`, of which a few examples are taken.
        targets: `[B]`, class indices.
        kind: the name of the model's class, for the message.

    Raises:
        UserError: there is no second derivative, or finite differences contradict it.
    """
    inputs, targets = inputs[:_FEW], targets[:_FEW]
    parameters = [p for p in model.parameters() if p.requires_grad]
    dummy = inputs.clone().requires_grad_()
    try:
        first = torch.autograd.grad(loss(model(dummy), targets), parameters, create_graph=True, allow_unused=True)
        if all(g is None for g in first):
            if isinstance(model, TextModel):  # only the word embedding is trained, and dummy embeddings replace it
                return
            raise UserError(f"model {kind}: no trainable parameter enters the loss, so every gradient is zero")
        total = sum((g**2).sum() for g in first if g is not None)
        assert isinstance(total, Tensor)
        torch.autograd.grad(total, dummy)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"model {kind} has no second derivative (the gradient cannot be differentiated with respect to the input): "
            f"{first_line(error)}"
        ) from error
    if _is_cut(model, loss, inputs, targets):
        raise UserError(
            f"model {kind} has no second derivative: what autograd gives for it is not what finite differences give "
            "(a custom operation whose backward is not differentiable?)"
        )


def _is_cut(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor) -> bool:
    """Whether autograd silently loses part of the second derivative.

    An operation marked `once_differentiable` does so if the input also reaches the gradient by another path. The check
    is along one direction and in float64; a model that does not run like this is not checked.
    """
    try:
        exact = copy.deepcopy(model).double()
        parameters = [p for p in exact.parameters() if p.requires_grad]

        def size(x: Tensor) -> Tensor:
            first = torch.autograd.grad(loss(exact(x), targets), parameters, create_graph=True, allow_unused=True)
            return sum(((g**2).sum() for g in first if g is not None), torch.zeros((), dtype=x.dtype, device=x.device))

        x = inputs.double().requires_grad_()
        (slope,) = torch.autograd.grad(size(x), x)
        along = torch.cos(torch.arange(x.numel(), dtype=x.dtype, device=x.device)).reshape(x.shape)
        here, claimed = size(x).detach(), (slope * along).sum()
        told = False
        for step in _STEPS:
            side = (size(x + step * along) - here).detach() / step
            larger = torch.maximum(claimed.abs(), side.abs())
            # A lost term makes all sides differ, at any distance, so one side that agrees is enough. At a kink or a
            # jump (a branch on the data) some sides may differ, and a million ReLUs have a kink within every 1e-6.
            if not (claimed - side).abs() > 0.1 * larger:
                return False
            # If the value hardly changes, as behind many sigmoids, every difference is rounding and tells nothing.
            told = told or bool(larger > _ROUNDING * here.abs() / abs(step))
    except (RuntimeError, TypeError):
        return False
    return told
