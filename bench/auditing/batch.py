"""Checks that the batch given to `bench.audit` is images and class indices; if not, a sentence says what it is."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.errors import UserError


def checked(batch: object) -> tuple[Tensor, Tensor]:
    """The images `[B, C, H, W]`, float32, and the labels `[B]`, int64, of a batch; no cast changes their meaning.

    Raises:
        UserError: the batch is not a pair of tensors, is empty, or holds something other than images in [0, 1] and
            class indices; the sentence says what it seems to be.
    """
    inputs, labels = _pair(batch)
    if inputs.dim() != 4:
        kind = {2: "rows of a table", 3: "signals", 5: "volumes or sequences of images"}.get(inputs.dim(), "something")
        raise UserError(
            f"batch: want images [B, C, H, W] and labels [B], got inputs {list(inputs.shape)} ({kind}), which are not "
            "served"
        )
    if not len(inputs):
        raise UserError("batch: it holds no example (the last batch of an epoch, or of Poisson sampling?)")
    if not inputs.is_floating_point():
        raise UserError(f"batch: want images in [0, 1] as floating-point numbers, got {_dtype(inputs)}; divide by 255?")
    low, high = float(inputs.min()), float(inputs.max())
    if not (low >= 0 and high <= 1):
        raise UserError(
            f"batch: want images in [0, 1], got [{low:.3g}, {high:.3g}]; put the normalisation in the module"
        )
    if found := _no_indices(labels, len(inputs)):
        raise UserError(f"batch: want one class index per example, labels [{len(inputs)}] of integers; got {found}")
    return inputs.detach().float(), labels.detach().long()


def _pair(batch: object) -> tuple[Tensor, Tensor]:
    if isinstance(batch, dict):
        keys = ", ".join(str(key) for key in batch)
        raise UserError(f"batch: want a pair (images, labels), got a dict with the keys {keys}; pick the two from it")
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        length = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise UserError(f"batch: want a pair (images, labels), got a {type(batch).__name__}{length}")
    inputs, labels = batch
    if not isinstance(inputs, Tensor) or not isinstance(labels, Tensor):
        kinds = f"{type(inputs).__name__} and {type(labels).__name__}"
        raise UserError(f"batch: want a pair of tensors (images, labels), got {kinds}")
    return inputs, labels


def _no_indices(labels: Tensor, count: int) -> str | None:
    """Says what labels are if they are not class indices `[count]`, and what to do; None if they are."""
    shape, dtype = list(labels.shape), _dtype(labels)
    whole = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
    if shape == [count]:
        return None if whole else f"{dtype} {shape}: real or logical targets, which are not served"
    if shape == [count, 1]:
        rest = "labels.squeeze(1)?" if whole else "the target of a single output, which is not served"
        return f"{dtype} {shape}: {rest}"
    if labels.dim() == 2 and len(labels) == count:
        return f"{dtype} {shape}: {_rows(labels.double())}"
    if labels.dim() > 2:
        return f"{dtype} {shape}: targets of many places (a mask?), which are not served"
    return f"{dtype} {shape}"


def _rows(labels: Tensor) -> str:
    """Says what kind of targets the rows of `[B, K]` are."""
    zero_or_one = bool(((labels == 0) | (labels == 1)).all())
    if zero_or_one and bool((labels.sum(1) == 1).all()):
        return "one-hot labels; labels.argmax(1)?"
    if zero_or_one:
        return "several findings per example, which are not served"
    if bool((labels >= 0).all()) and torch.allclose(labels.sum(1), torch.ones_like(labels[:, 0])):
        return "soft labels (mixup, smoothing), which are not served"
    return "real targets, which are not served"


def _dtype(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
