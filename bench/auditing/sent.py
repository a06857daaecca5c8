"""What a client really sent, in the forms in which it is kept, as one tensor per parameter."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.models.checkpoint import load
from bench.models.shared import trained

FORMS = ("gradients", "difference", "weights")


@dataclass(frozen=True, eq=False)
class Sent:
    """What was sent instead of a gradient that is computed here.

    Args:
        update: `{parameter name: tensor}`: the gradient, or the weights before minus the weights after.
        steps: local steps; 0 if it is a gradient.
        rate: of each step; None if the attacker does not know it.
        batch_size: examples of each step; None for all.
        momentum: of the steps.
    """

    update: dict[str, Tensor]
    steps: int
    rate: float | None
    batch_size: int | None
    momentum: float

    @property
    def words(self) -> str:
        """What it is, for the report."""
        if not self.steps:
            return "the gradient that was sent"
        count = "one local step" if self.steps == 1 else f"{self.steps} local steps"
        rate = "at an unknown rate" if self.rate is None else f"at the rate {self.rate:g}"
        return f"the update of {count} {rate}" + (f" with momentum {self.momentum:g}" if self.momentum else "")

    @property
    def settings(self) -> list[str]:
        """Overrides: the local training that the attacker simulates, and whether it knows it."""
        if not self.steps:
            return []
        size = "null" if self.batch_size is None else self.batch_size
        rate = 1.0 if self.rate is None else self.rate
        training = [f"defense.steps={self.steps}", f"defense.lr={rate}", f"defense.batch_size={size}"]
        training.append(f"defense.momentum={self.momentum}")
        return ["defense=local_steps", *training, f"threat={'basic' if self.rate is None else 'training_details'}"]

    def distance(self, simulated: Mapping[str, Tensor]) -> float:
        """How far it is from what the batch gives here, relative to its length; of directions, without a rate."""
        theirs = torch.cat([self.update[name].flatten().double() for name in simulated])
        ours = torch.cat([value.flatten().double() for value in simulated.values()])
        if self.steps and self.rate is None:
            theirs, ours = theirs / theirs.norm(), ours / ours.norm()
        return float((theirs - ours).norm() / theirs.norm())


def sent_of(
    module: nn.Module,
    before: Any,
    update: Any,
    form: str | None,
    steps: int,
    rate: float | None,
    size: int | None,
    momentum: float,
) -> tuple[nn.Module, Sent]:
    """The module as it was before, and what was sent.

    Args:
        module: of the right class; it is not changed.
        before: its weights: a module, a checkpoint, `{name: tensor}` or a list of arrays; None for those of `module`.
        update: what was sent, in one of these forms.
        form: one of `FORMS`; None for `gradients` if it is a mapping, and `weights` otherwise.
        steps: local steps, >= 1.
        rate: of each step, > 0; None if it is not known.
        size: examples of each step; None for all.
        momentum: of the steps, in [0, 1).

    Raises:
        UserError: a number is out of its range, or names or shapes are not those of the module.
    """
    form = form or ("gradients" if isinstance(update, Mapping) else "weights")
    if form not in FORMS:
        raise UserError(f"form={form!r}: want {', '.join(FORMS)}")
    if steps < 1 or (rate is not None and not rate > 0):
        raise UserError(
            f"steps={steps}, rate={rate}: want steps >= 1 and rate > 0 (None if the attacker does not know it)"
        )
    if not 0 <= momentum < 1:
        raise UserError(f"momentum={momentum}: want 0 <= momentum < 1 (0 for plain SGD)")
    module = copy.deepcopy(module)
    if before is not None:
        _set(module, _named(module, before, "before"), "before")
    names, device = trained(module), next(module.parameters()).device
    found = _named(module, update, "update")
    if lacking := [name for name in names if name not in found]:
        raise UserError(f"update: it lacks {', '.join(lacking[:3])}, which the module trains")
    own = {name: value.detach() for name, value in module.named_parameters()}
    values = {name: found[name].detach().to(device, torch.float32) for name in names}
    if wrong := [name for name in names if values[name].shape != own[name].shape]:
        shapes = f"{list(values[wrong[0]].shape)}, not {list(own[wrong[0]].shape)}"
        raise UserError(f"update: {wrong[0]} has the shape {shapes}")
    if form == "weights":
        values = {name: own[name].float() - value for name, value in values.items()}
    elif form == "difference":
        values = {name: -value for name, value in values.items()}
    if not any(value.any() for value in values.values()):
        raise UserError("update: it is zero, so that nothing was sent (are before and after the same?)")
    return module, Sent(values, 0 if form == "gradients" else steps, rate, size, momentum)


def _set(module: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    try:
        module.load_state_dict(state, strict=len(state) == len(module.state_dict()))
    except RuntimeError as error:
        first = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
        raise UserError(f"{what} does not fit the module: {first[0]}") from error


def _named(module: nn.Module, given: Any, what: str) -> dict[str, Tensor]:
    """One of the forms as `{name: tensor}`.

    Raises:
        UserError: it is none of them, or a list of another length.
    """
    if isinstance(given, nn.Module):
        return dict(given.state_dict())
    if isinstance(given, str | Path):
        loaded = copy.deepcopy(module)
        try:
            load(loaded, str(given))
        except UserError as error:
            raise UserError(str(error).replace("model.checkpoint=", f"{what}=")) from None
        return dict(loaded.state_dict())
    if isinstance(given, Mapping):
        return {str(name): torch.as_tensor(value) for name, value in given.items()}
    if isinstance(given, Sequence):
        lists = list(module.state_dict()), [name for name, _ in module.named_parameters()], trained(module)
        names = next((names for names in lists if len(names) == len(given)), None)
        if names is None:
            counts = f"{len(lists[0])} entries in state_dict(), {len(lists[1])} parameters"
            raise UserError(f"{what}: a list of {len(given)} arrays; the module has {counts}")
        return {name: torch.as_tensor(value) for name, value in zip(names, given)}
    raise UserError(
        f"{what}: want a dict of tensors, a list of arrays in the order of state_dict(), a path or a module, got a "
        f"{type(given).__name__}"
    )
