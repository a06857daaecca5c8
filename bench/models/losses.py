"""The client's loss, by name."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from bench.errors import UserError
from bench.models.custom import locate


def loss_of(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """`(logits [B, K], targets) -> scalar`; targets are indices `[B]`, or probabilities `[B, K]` for a dummy label.

    Args:
        name: a function of `torch.nn.functional`, or `pkg.mod:function`.

    Raises:
        UserError: there is no such function.
    """
    if ":" in name:
        return locate(name, "model.loss")
    found = getattr(functional, name, None)
    if not callable(found):
        raise UserError(f"model.loss={name!r}: not in torch.nn.functional (cross_entropy?), and not pkg.mod:function")
    return found
