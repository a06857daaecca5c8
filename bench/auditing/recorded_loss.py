"""Which loss a training step computes, of which outputs and targets: seen by running the step once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

CLASSES, BINARY, REAL = "classes", "binary", "real"

# What the targets of torch's losses are.
_LOSSES: dict[Callable[..., Tensor], str] = {
    functional.cross_entropy: CLASSES,
    functional.nll_loss: CLASSES,
    functional.multi_margin_loss: CLASSES,
    functional.binary_cross_entropy: BINARY,
    functional.binary_cross_entropy_with_logits: BINARY,
    functional.multilabel_soft_margin_loss: BINARY,
    functional.mse_loss: REAL,
    functional.l1_loss: REAL,
    functional.smooth_l1_loss: REAL,
    functional.huber_loss: REAL,
    functional.poisson_nll_loss: REAL,
    functional.gaussian_nll_loss: REAL,
}


@dataclass(frozen=True, eq=False)
class LossCall:
    """One call of one of torch's losses.

    Args:
        function: of `torch.nn.functional`.
        kind: what its targets are: `classes`, `binary` or `real`.
        output: what the model returned.
        target: what it was compared with.
        options: the other arguments, by name.
        value: the result.
    """

    function: Callable[..., Tensor]
    kind: str
    output: Tensor
    target: Tensor
    options: Mapping[str, Any]
    value: Tensor


class LossRecorder(TorchFunctionMode):
    """Inside this context, the calls of torch's losses are kept in `calls`, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[LossCall] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Calls the function; see torch."""
        given = dict(kwargs or {})
        found = func(*args, **given)
        if func in _LOSSES:
            options = dict(given)
            tensors = [*args[:2]]
            for name in ("input", "target")[len(tensors) :]:
                tensors.append(options.pop(name))
            # Positional options beyond the two tensors are rare and stand in torch's order of arguments.
            if len(args) <= 2 and isinstance(found, Tensor):
                self.calls.append(LossCall(func, _LOSSES[func], tensors[0], tensors[1], options, found))
        return found
