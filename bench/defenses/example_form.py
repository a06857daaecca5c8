"""What form examples have before a client computes with them: their shape, and the form of their labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ExampleForm:
    """The form of a batch's examples, as a client knows it.

    Args:
        shape: `(C, H, W)` of an image, `(T,)` of a sentence.
        classes: number of classes; for a language model, of tokens.
        by_token: whether each token of a sentence has a label of its own, as in a language model.
        refusal: the end of a sentence that says why the loss takes no probabilities (see
            `bench.models.soft_labels.SoftLabels`); None if it takes them.
        soft: whether an earlier change has made the labels probabilities.
    """

    shape: tuple[int, ...]
    classes: int
    by_token: bool
    refusal: str | None
    soft: bool


def probabilities(labels: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Labels as probabilities `[..., classes]`; labels that are probabilities already stay as they are.

    `torch.func` can map it, in contrast to `torch.nn.functional.one_hot`, which looks at the values.

    Args:
        labels: class indices `[...]`, or probabilities `[..., classes]`.
        classes: number of classes.
        dtype: of the probabilities.

    Example:
        >>> probabilities(torch.tensor([2, 0]), 3, torch.float32).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    if labels.is_floating_point():
        return labels
    return (labels.unsqueeze(-1) == torch.arange(classes, device=labels.device)).to(dtype)
