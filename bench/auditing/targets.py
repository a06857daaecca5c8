"""Targets of a step: classes, which attacks infer or optimise as such, and other targets, coded as further channels.

What is no class index is reconstructed together with the inputs: a target number is the mean of a channel of its own,
and a mask of the inputs' height and width is one channel per class. Both codes are linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from bench.auditing.kinds.base import Kind
from bench.auditing.recorded_loss import BINARY, CLASSES, REAL, LossCall
from bench.errors import UserError

MOST = 256  # target numbers of an example, beyond which they are not reconstructed
_BOUNDED_REACH, _UNBOUNDED_REACH = 10.0, 20.0  # deviations to which a target may reach from its center


@dataclass(frozen=True, eq=False)
class Targets:
    """What the targets of a step are.

    Args:
        kind: `classes`, `probabilities`, `binary`, `real`, `mask` or `none`.
        classes: K; of targets without classes 2, which nothing uses.
        shape: of the targets of one example.
        channels: how many further channels code them; 0 for classes, and where they are known.
        center: of a number, in the user's units.
        deviation: of a number, in the user's units.
        spatial: whether they are laid out as the inputs are.
    """

    kind: str
    classes: int
    shape: tuple[int, ...]
    channels: int = 0
    center: float = 0.0
    deviation: float = 1.0
    spatial: bool = False

    def _gain(self, kind: Kind) -> float:
        low, high = kind.span
        reach = _BOUNDED_REACH if kind.bounded else _UNBOUNDED_REACH
        reach = 2.0 if self.kind != "real" and kind.bounded else reach  # a probability between -0.5 and 1.5
        return 2 * self.deviation * reach / (high - low)

    def decode(self, coded: Tensor, kind: Kind) -> Tensor:
        """From `[B, channels, H, W]` in the attacker's units to targets `[B, *shape]` (a mask: `[B, K, ...]`)."""
        middle = sum(kind.span) / 2
        values = self.center + (coded - middle) * self._gain(kind)
        if self.kind in ("probabilities", "mask"):  # their sum is 1, without which the gradient does not determine them
            values = values - values.mean(1, keepdim=True) + 1 / self.channels
        if not self.spatial:
            return values.mean((2, 3)).reshape(-1, *self.shape)
        return values.reshape(-1, *((self.classes, *self.shape) if self.kind == "mask" else self.shape))

    def encode(self, targets: Tensor, kind: Kind) -> Tensor:
        """The inverse of `decode`, `[B, channels, H, W]`, for targets as the batch has them.

        Raises:
            UserError: real targets reach beyond what an attacker would look for.
        """
        _, height, width = kind.packed
        if self.kind == "mask":
            values = one_hot(targets.long(), self.classes).movedim(-1, 1).float()
        else:
            values = targets.float()
        values = values.reshape(len(targets), self.channels, -1)
        values = values.expand(-1, -1, height * width).reshape(len(targets), self.channels, height, width)
        coded = sum(kind.span) / 2 + (values - self.center) / self._gain(kind)
        if self.kind == "real" and not (kind.span[0] <= float(coded.min()) and float(coded.max()) <= kind.span[1]):
            reach = _BOUNDED_REACH if kind.bounded else _UNBOUNDED_REACH
            raise UserError(
                f"batch: the targets lie in [{float(targets.min()):.3g}, {float(targets.max()):.3g}], more than "
                f"{reach:g} deviations from the mean that the attacker knows: pass target_mean= and target_std="
            )
        return coded


def targets_of(
    call: LossCall | None, leaf: Tensor | None, output: Tensor | None, kind: Kind, mean: float, std: float
) -> Targets:
    """Finds what targets are, from the loss that compares them and from their shape and type.

    Args:
        call: of the loss that took them; None if it is no loss of torch's.
        leaf: `[B, ...]`, as the batch has them; None if the step has none.
        output: what the model returned; None if it is not known.
        kind: of the inputs.
        mean: of real targets, as far as the attacker knows.
        std: likewise.

    Raises:
        UserError: they are nothing that is served.
    """
    if leaf is None:
        return Targets("none", 2, ())
    shape, whole = tuple(leaf.shape[1:]), not leaf.is_floating_point() and leaf.dtype != torch.bool
    what = call.kind if call else CLASSES if whole else REAL if leaf.is_floating_point() else BINARY
    output = call.output if call else output
    if what == CLASSES:
        return _classes(leaf, output, shape, whole, kind)
    numbers = max(1, torch.Size(shape).numel())
    spatial = _laid_out(shape, kind) and numbers > 1
    if not spatial and numbers > MOST:
        raise UserError(
            f"batch: targets {list(leaf.shape)} are {numbers} numbers per example and not laid out as the {kind.name}; "
            "grant them to the attacker: overrides=('threat=labels_known',)"
        )
    channels = 1 if spatial else numbers
    if what == BINARY:
        return Targets("binary", 2, shape, channels, 0.5, 0.5, spatial)
    return Targets("real", 2, shape, channels, mean, std, spatial)


def _classes(leaf: Tensor, output: Tensor | None, shape: tuple[int, ...], whole: bool, kind: Kind) -> Targets:
    if output is None or output.dim() < 2:
        raise UserError("targets: the number of classes is not seen in the step; pass a module and loss= apart")
    count = output.shape[1]
    if not whole and shape == (count,):
        return Targets("probabilities", 2, shape, count, 0.5, 0.5)
    if shape in ((), (1,)) and output.dim() == 2 and count > 1:
        return Targets("classes", count, shape)
    if whole and _laid_out(shape, kind) and tuple(output.shape[2:]) == shape:
        return Targets("mask", count, shape, count, 0.5, 0.5, spatial=True)
    raise UserError(
        f"targets {list(leaf.shape)} for outputs {list(output.shape)} are no classes, probabilities or masks of the "
        f"{kind.name}' size; grant them to the attacker: overrides=('threat=labels_known',)"
    )


def _laid_out(shape: tuple[int, ...], kind: Kind) -> bool:
    """Whether there is one target for each place of an input."""
    _, height, width = kind.packed
    sizes = (height, width) if height > 1 else (width,)
    return height * width > 1 and (shape == sizes or shape == (1, *sizes))
