"""The client's loss function, found by its name in the config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from bench.errors import UserError
from bench.models.custom import locate


@dataclass(frozen=True, eq=False)
class Fitted:
    """A loss that holds tensors (such as class weights), used in the type and on the device of the logits.

    Args:
        module: the loss; it is not changed.
    """

    module: nn.Module

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """`(logits, targets) -> scalar`."""
        named = [*self.module.named_parameters(), *self.module.named_buffers()]
        held = {name: value.detach().to(logits.device) for name, value in named}
        fitted = {name: value.to(logits.dtype) if value.is_floating_point() else value for name, value in held.items()}
        found: Tensor = functional_call(self.module, fitted, (logits, targets))
        return found


def fitted(loss: Any) -> Any:
    """Wraps a loss in `Fitted` if it is a module; returns any other loss as it is."""
    return Fitted(loss) if isinstance(loss, nn.Module) else loss


def loss_of(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """`(logits [B, K], targets) -> scalar`; targets are indices `[B]`, or probabilities `[B, K]` for a dummy label.

    Args:
        name: a function of `torch.nn.functional`, or `pkg.mod:function`.

    Raises:
        UserError: there is no such function.
    """
    if ":" in name:
        return fitted(locate(name, "model.loss"))  # type: ignore[no-any-return]
    found = getattr(functional, name, None)
    if not callable(found):
        raise UserError(f"model.loss={name!r}: not in torch.nn.functional (cross_entropy?), and not pkg.mod:function")
    return found
