"""Which parameters a client trains and so shares; the others are public constants."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from torch import Tensor, nn

from bench.errors import UserError

_NAMED = 5  # how many of the first and of the last names a message lists


def choose(model: nn.Module, patterns: Sequence[str] | None) -> None:
    """Freezes, in place, every parameter that none of the patterns matches.

    A pattern selects among the trainable parameters; it makes no frozen parameter trainable.

    Args:
        model: its trainable parameters are those with `requires_grad`.
        patterns: patterns like those of file names (`fc.*`, `*.lora_?.weight`); null leaves the model as it is.

    Raises:
        UserError: a pattern matches no trainable parameter, or nothing is left to share.
    """
    trainable = trained(model)
    if not trainable:
        raise UserError(
            f"model {type(model).__name__} has no trainable parameter (requires_grad), so its client shares nothing"
        )
    if patterns is None:
        return
    if not patterns:
        raise UserError("model.shared=[]: nothing is shared (null shares every trainable parameter)")
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in trainable):
            frozen = [name for name, _ in model.named_parameters() if fnmatchcase(name, pattern)]
            why = f"matches only frozen parameters ({_some(frozen)})" if frozen else "matches no parameter"
            raise UserError(f"model.shared: {pattern!r} {why}; there are {_some(trainable)}")
    for name, value in model.named_parameters():
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            value.requires_grad_(False)


def trained(model: nn.Module) -> list[str]:
    """The names of the trainable parameters, in the model's order."""
    return [name for name, value in model.named_parameters() if value.requires_grad]


def parted(
    parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], names: Collection[str]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Splits a model's tensors into the parameters of these names, and the rest (buffers and frozen parameters).

    Args:
        parameters: `{name: tensor}`.
        buffers: `{name: tensor}`.
        names: names of the trained parameters.

    Example:
        >>> import torch
        >>> mine, constant = parted({"a": torch.zeros(1), "b": torch.ones(1)}, {"mean": torch.zeros(2)}, ["b"])
        >>> list(mine), list(constant)
        (['b'], ['mean', 'a'])
    """
    mine = {name: value for name, value in parameters.items() if name in names}
    return mine, {**buffers, **{name: value for name, value in parameters.items() if name not in names}}


def _some(names: Sequence[str]) -> str:
    few = len(names) <= 2 * _NAMED + 1
    return ", ".join(names if few else [*names[:_NAMED], f"{len(names) - 2 * _NAMED} more", *names[-_NAMED:]])
