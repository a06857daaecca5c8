"""The truth: private batches, which only the client and the scorer receive."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from bench.messages.base import Message, require
from bench.messages.columns import TableColumns

NO_TARGET = -100  # label of a place at which nothing is predicted; torch's cross entropy ignores this number


@dataclass(eq=False)
class Victims(Message):
    """V private batches of B examples: the truth, which only the client and the scorer receive.

    Args:
        inputs: images `[V, B, C, H, W]` in [0, 1], not normalised (that is the model's first layer); sentences
            `[V, B, T]`, int64: the tokens that the model is given; rows `[V, B, F]` of a table; or time series
            `[V, B, C, T]`. Rows and series are standardised and have no bounds.
        labels: `[V, B]`, int64, class indices. If a language model predicts tokens, `[V, B, T]`: the token at each
            place that is to be predicted, and -100 (`NO_TARGET`) elsewhere.
        ids: `[V]`, int64. Victim `i` is the same batch for every attack.
        samples: `[V, B]`, int64, the number of each example in the dataset.
        repeats: `[V]`, int64, how often the whole dataset had been dealt before this victim; 0 means that its examples
            are new.
        mask: `[V, B, T]`, bool, for sentences: true at tokens, false at padding. None for other data.
        columns: what the numbers of a row are; None if the data are no rows.

    Raises:
        ValueError: shapes disagree, images leave [0, 1], or a number of a row or a series is not finite.
    """

    inputs: Tensor
    labels: Tensor
    ids: Tensor
    samples: Tensor
    repeats: Tensor
    mask: Tensor | None = None
    columns: TableColumns | None = None

    def __post_init__(self) -> None:
        v, b = self.inputs.shape[:2]
        if self.mask is not None:
            self._check_sentences(self.mask)
        elif self.columns is not None or self.inputs.dim() == 4:
            self._check_standardised()
        else:
            self._check_images()
        require(self.samples.shape == (v, b), f"samples: want [{v}, {b}], got {list(self.samples.shape)}")
        require(self.ids.shape == (v,), f"ids: want [{v}], got {list(self.ids.shape)}")
        require(self.repeats.shape == (v,), f"repeats: want [{v}], got {list(self.repeats.shape)}")

    def _check_images(self) -> None:
        v, b = self.inputs.shape[:2]
        require(self.inputs.dim() == 5, f"inputs: want [V, B, C, H, W], got {list(self.inputs.shape)}")
        require(self.labels.shape == (v, b), f"labels: want [{v}, {b}], got {list(self.labels.shape)}")
        if v:
            low, high = self.inputs.min().item(), self.inputs.max().item()
            require(low >= 0.0 and high <= 1.0, f"inputs: want values in [0, 1], got [{low:.3g}, {high:.3g}]")

    def _check_standardised(self) -> None:
        shape, labels = list(self.inputs.shape), list(self.labels.shape)
        if self.columns is not None:
            whole = self.inputs.dim() == 3 and shape[2] == self.columns.width
            require(whole, f"inputs: want [V, B, {self.columns.width}], got {shape}")
        require(labels == shape[:2], f"labels: want {shape[:2]}, got {labels}")
        require(bool(self.inputs.isfinite().all()), "inputs: want finite values")

    def _check_sentences(self, mask: Tensor) -> None:
        shape, labels = self.inputs.shape, self.labels.shape
        whole = self.inputs.dim() == 3 and self.inputs.dtype == torch.int64
        require(whole, f"inputs: want int64 tokens [V, B, T], got {self.inputs.dtype} {list(shape)}")
        require(mask.shape == shape, f"mask: want {list(shape)}, got {list(mask.shape)}")
        require(mask.dtype == torch.bool, f"mask: want bool, got {mask.dtype}")
        require(labels in (shape, shape[:2]), f"labels: want {list(shape[:2])} or {list(shape)}, got {list(labels)}")

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def take(self, index: Tensor) -> Victims:
        """Returns the victims at the positions `index` only."""
        values = ((f.name, getattr(self, f.name)) for f in fields(self))
        taken: dict[str, Any] = {name: value[index] for name, value in values if isinstance(value, Tensor)}
        return replace(self, **taken)

    @property
    def sentences(self) -> Tensor:
        """`[V, B, T]`, the private tokens: those given to the model, and those to predict in their places."""
        if self.labels.dim() == 2:
            return self.inputs
        return torch.where(self.labels == NO_TARGET, self.inputs, self.labels)

    @property
    def classes(self) -> Tensor:
        """`[V, B]`, the class of each example; -1 if the model predicts tokens."""
        return self.labels if self.labels.dim() == 2 else torch.full_like(self.samples, -1)
