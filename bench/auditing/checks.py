"""What is wrong with a module or a batch, in one line each, before and after a step is run."""

from __future__ import annotations

from typing import Any

from torch import nn

from bench.auditing.leaves import leaves
from bench.errors import UserError


def check_tensors(module: nn.Module, batch: Any) -> None:
    """Checks that there are tensors, with examples, finite, and where the module is.

    Raises:
        UserError: something is not so.
    """
    there = leaves(batch)
    if not there:
        raise UserError(f"batch: a {type(batch).__name__} without tensors; want what the data loader gives")
    weight = next(iter(module.parameters()), None)
    for path, value in there.items():
        own = f"batch{f'[{path!r}]' if path else ''}"
        if value.dim() and not len(value):
            raise UserError(f"{own} holds no example (the last batch of an epoch, or of Poisson sampling?)")
        if value.is_floating_point() and value.device.type != "meta" and not value.isfinite().all():
            raise UserError(f"{own} holds NaN or infinity")
        if weight is not None and value.device != weight.device:
            raise UserError(
                f"{own} is on {value.device} and the module on {weight.device}: batch.to({str(weight.device)!r})"
            )


def check_weights(module: nn.Module) -> None:
    """Checks that weights are finite.

    Raises:
        UserError: some are not; the message names them.
    """
    bad = [name for name, value in module.named_parameters() if not value.isfinite().all()]
    if bad:
        raise UserError(f"module: {', '.join(bad[:3])} hold NaN or infinity (a training that diverged?)")


def hint(error: Exception) -> str:
    """What to do about an error of the user's step, as far as its message tells."""
    words = str(error)
    if isinstance(error, TypeError) and ("missing" in words or "unexpected keyword" in words):
        return "; wrap the module in one whose forward takes the inputs alone"
    if "Expected more than 1 value per channel" in words:
        return "; BatchNorm in train mode needs two examples: a larger batch, or module.eval()"
    if "expected scalar type Long" in words or "expected target dtype" in words.lower():
        return (
            "; cross_entropy takes class indices [B] (integers) or probabilities [B, K], not real targets (mse_loss?)"
        )
    if "cross_entropy_loss(): argument 'input'" in words or "has no attribute" in words:
        return "; a module that returns a tuple or an object has to be wrapped in one that returns the logits alone"
    return ""
