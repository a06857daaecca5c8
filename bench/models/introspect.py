"""Facts about a model, found by running it once on a blank batch."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from bench.errors import UserError
from bench.models.math_attention import math_attention
from bench.models.penalties import penalised_layers, penalties
from bench.models.second_derivative import Loss, check_second_derivative, first_line
from bench.models.shared import parted, trained
from bench.models.text.base import TextModel, pack
from bench.models.whole_step import WholeStep

_FEW = 4  # examples for which `vmap` is compared: what it can map, it maps whatever the batch size
ONE_OUTPUT = (
    "a single output (binary cross entropy) is not served: return two logits, torch.cat([torch.zeros_like(z), z], 1), "
    "and take cross_entropy, which is the same step"
)


@dataclass(frozen=True)
class ModelInfo:
    """Facts about a model.

    Args:
        parameters: number of entries of all trainable parameters.
        last_linear: name of the weight of the linear layer whose output the model returns, or None.
        last_bias: name of that layer's bias, or None.
        mappable: whether `vmap` can map its gradient over models and inputs.
        frozen: number of entries of all parameters that are not trained.
    """

    parameters: int
    last_linear: str | None
    last_bias: str | None
    mappable: bool
    frozen: int = 0


def gradient_of(model: nn.Module, loss: Loss) -> Callable[..., dict[str, Tensor]]:
    """Returns a function `(parameters, buffers, inputs, targets) -> {name: gradient}` of the loss, for one model.

    It differentiates by every tensor of `parameters`; frozen parameters are passed with the buffers
    (`bench.models.shared`). A parameter that does not enter the loss has a gradient of zeros. The terms that layers add
    to the loss (`bench.models.penalties`) are part of it. A `WholeStep` computes its own loss, and `loss` is not used.
    """
    layers = penalised_layers(model)
    whole = isinstance(model, WholeStep)

    def value(parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        with math_attention(), penalties(layers) as terms:
            output = functional_call(model, (parameters, buffers), (inputs, targets) if whole else (inputs,))
        return sum(terms, output if whole else loss(output, targets))

    return grad(value)


def check_training(model: nn.Module, shape: tuple[int, ...], batch_size: int) -> None:
    """Runs one forward pass of a copy in train mode.

    Args:
        model: maps images `[B, C, H, W]` to logits.
        shape: `(C, H, W)`.
        batch_size: B of a training step.

    Raises:
        UserError: the model refuses such a batch (BatchNorm with one value per channel).
    """
    try:
        with torch.no_grad():
            copy.deepcopy(model).train()(_blank(model, shape, batch_size))
    except UserError:
        raise
    except Exception as error:  # a model of the user's own may raise anything
        raise UserError(
            f"model {type(model).__name__} cannot be trained on a batch of {batch_size}: {first_line(error)}"
        ) from error


def introspect(model: nn.Module, loss: Loss, shape: tuple[int, ...], classes: int, batch_size: int) -> ModelInfo:
    """Runs the model forward, and differentiates it twice.

    Args:
        model: maps inputs `[B, C, H, W]`, or sentences (`TextModel`), to logits `[B, classes]`; a language model to
            `[B, T, classes]`.
        loss: `(logits, targets) -> scalar`, with indices `[B]` (or `[B, T]`) as targets; see `soft_labels` for
            probabilities.
        shape: `(C, H, W)`, or `(T,)`.
        classes: number of logits per example or token.
        batch_size: B.

    Raises:
        UserError: the model has no trainable parameters, does not take such inputs, does not return such logits, or
            returns values that are not finite or random; the loss takes no class indices, or is no scalar; or the
            gradient cannot be differentiated.
    """
    kind = type(model).__name__
    if not any(parameter.requires_grad for parameter in model.parameters()):
        what = "trainable parameters" if any(True for _ in model.parameters()) else "parameters"
        raise UserError(f"model {kind} has no {what}, so its step shares no gradient")
    with math_attention():
        return _probed(model, loss, shape, classes, batch_size, kind)


def _probed(
    model: nn.Module, loss: Loss, shape: tuple[int, ...], classes: int, batch_size: int, kind: str
) -> ModelInfo:
    inputs = _blank(model, shape, batch_size)
    size = "x".join(str(n) for n in shape)
    seen = (
        f"sentences of {size} tokens"
        if isinstance(model, TextModel)
        else f"images of {size} (channels x height x width)"
    )
    wanted = (batch_size, *_places(model, shape), classes)
    last: dict[str, Tensor] = {}

    def remember(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            last[name] = output

        return hook

    hooks = [m.register_forward_hook(remember(n)) for n, m in model.named_modules() if isinstance(m, nn.Linear)]
    try:
        with torch.no_grad():
            output, again = model(inputs), model(inputs)
    except UserError:  # raised by one of our own layers, which says what is wrong
        raise
    except Exception as error:  # a model of the user's own may raise anything
        raise UserError(f"model {kind} does not take {seen}: {first_line(error)}") from error
    finally:
        for hook in hooks:
            hook.remove()
    if not isinstance(output, Tensor) or output.shape != wanted:
        found = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
        one = isinstance(output, Tensor) and output.shape in ((batch_size,), (batch_size, 1))
        hint = f"; {ONE_OUTPUT}" if one else ""
        raise UserError(f"model {kind} returns {found}; want logits {list(wanted)} (examples, classes){hint}")
    if not output.isfinite().all():
        raise UserError(f"model {kind} returns values that are not finite for {seen}: {_not_finite(model)}")
    if not torch.equal(output, again):
        raise UserError(
            f"model {kind} is random (dropout in train mode?), so nothing can match its gradient; set "
            "model.mode=eval, or pass module.eval()"
        )
    targets = torch.arange(prod(wanted[:-1]), device=inputs.device).reshape(wanted[:-1]) % classes
    _check_loss(loss, output, targets)
    name = next((n for n, value in last.items() if value is again), None)
    bias = None if name is None or model.get_submodule(name).bias is None else f"{name}.bias".lstrip(".")
    check_second_derivative(model, loss, inputs, targets, kind)
    return ModelInfo(
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        last_linear=None if name is None else f"{name}.weight".lstrip("."),
        last_bias=bias,
        mappable=_mappable(model, loss, inputs, _places(model, shape)),
        frozen=sum(p.numel() for p in model.parameters() if not p.requires_grad),
    )


def _blank(model: nn.Module, shape: tuple[int, ...], batch_size: int) -> Tensor:
    """Inputs without meaning `[B, ...]`, like an attacker's: a ramp of pixels, or embeddings of a few tokens."""
    device = next(model.parameters()).device
    if not isinstance(model, TextModel):
        return torch.linspace(0, 1, batch_size * prod(shape), device=device).reshape(batch_size, *shape)
    count = len(model.get_parameter(model.embedding))
    tokens = torch.arange(batch_size * shape[0], device=device).reshape(batch_size, *shape) % count
    return pack(model.embed(tokens).detach(), torch.ones_like(tokens, dtype=torch.bool))


def _places(model: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """`(T,)` if each position has its own target, else `()`."""
    return shape if isinstance(model, TextModel) and model.head != "classification" else ()


def _not_finite(model: nn.Module) -> str:
    """The end of a sentence that says where in the model the non-finite values come from."""
    named = [*model.named_parameters(), *model.named_buffers()]
    bad = [name for name, value in named if not value.isfinite().all()]
    if not bad:
        return "its weights are finite, so an operation between them is to be looked at"
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    return f"{', '.join(bad[:3])}{more} hold NaN or infinity (a training that diverged?)"


def _check_loss(loss: Loss, logits: Tensor, targets: Tensor) -> None:
    """Checks that the client's loss is one number, computed from logits and class indices.

    Raises:
        UserError: it is not.
    """
    takes = f"logits {list(logits.shape)} with class indices {list(targets.shape)}"
    try:
        with warnings.catch_warnings():
            # A loss for real-valued targets broadcasts them over the logits, with nothing but a warning.
            warnings.filterwarnings("error", message="Using a target size")
            value = loss(logits, targets)
    except Exception as error:  # a loss of the user's own may raise anything
        raise UserError(
            f"the loss (model.loss) does not take {takes}: {first_line(error)}; targets that are no class indices "
            "(real, soft or several per example) are not served"
        ) from error
    if not isinstance(value, Tensor):
        raise UserError(
            f"the loss (model.loss) returns a {type(value).__name__} for {takes}; want a tensor, one number"
        )
    if value.dim():
        raise UserError(
            f"the loss (model.loss) returns {list(value.shape)} for {takes}; want one number, such as the mean over "
            "the batch (reduction='mean')"
        )


def _mappable(model: nn.Module, loss: Loss, inputs: Tensor, places: tuple[int, ...]) -> bool:
    """Whether `vmap` can map the gradient, and the mapped gradient has the same derivative as the gradient itself."""
    inputs = inputs[:_FEW]
    targets = torch.zeros(len(inputs), *places, dtype=torch.long, device=inputs.device)
    try:
        _slope(model, loss, inputs, targets, mapped=True)
    except RuntimeError:  # vmap cannot map it; the caller reports this and works one by one
        _check_functional(model, loss, inputs, targets)
        return False
    try:
        exact = copy.deepcopy(model).double()
        ours, theirs = (_slope(exact, loss, inputs.double(), targets, mapped=mapped) for mapped in (True, False))
    except (RuntimeError, TypeError):  # the model does not run in float64
        return True
    return bool((ours - theirs).abs().max() <= 1e-6 * theirs.abs().max())


def _check_functional(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor) -> None:
    """Checks that `torch.func` can take the gradient of a single victim.

    Raises:
        UserError: it cannot.
    """
    try:
        _slope(model, loss, inputs, targets, mapped=False)
    except Exception as error:
        raise UserError(
            f"model {type(model).__name__}: torch.func cannot take its gradient (backward hooks, or an "
            f"autograd.Function without setup_context?): {first_line(error)}"
        ) from error


def _slope(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor, mapped: bool) -> Tensor:
    """`[B, ...]`, the derivative of the gradient's squared norm with respect to the inputs."""
    held = {n: p.detach() for n, p in model.named_parameters()}
    parameters, buffers = parted(held, {n: b.detach() for n, b in model.named_buffers()}, trained(model))
    x = inputs.clone().requires_grad_()
    gradient = gradient_of(model, loss)
    if mapped:
        rows = [{name: value[None] for name, value in group.items()} for group in (parameters, buffers)]
        found = vmap(gradient)(*rows, x[None], targets[None])
    else:
        found = gradient(parameters, buffers, x, targets)
    size = sum((g.square().sum() for g in found.values()), torch.zeros((), dtype=x.dtype, device=x.device))
    if not size.requires_grad:  # the gradient does not depend on the inputs, as that of a word embedding alone
        return torch.zeros_like(x)
    (slope,) = torch.autograd.grad(size, x)
    return slope
