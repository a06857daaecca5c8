"""All that an attack receives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bench.messages.base import Message, require, rows_of
from bench.messages.public_images import PublicImages
from bench.messages.task import Task


@dataclass(eq=False)
class Observation(Message):
    """All that an attack receives; what the threat model does not grant is None or absent.

    Args:
        gradients: `{parameter name: [V, ...]}`, what the client shared after its defences, for the parameters that it
            trains. The word embedding is left out if the threat model withholds it. Empty if the mean image is granted.
        parameters: `{parameter name: [V, ...]}` at that moment, those that are frozen included; they are public.
        buffers: `{buffer name: [V, ...]}`, empty if the model has none or they are not granted.
        ids: `[V]`, int64, public numbers of the updates; they seed the attacker's own random numbers.
        task: see `Task`.
        batch_size: B, or None.
        labels: as `Victims.labels`, or None.
        mask: `[V, B, T]`, bool, true at the tokens of each sentence; None if lengths are not granted.
        surrogate: sentences of the same kind, as tokens, none of them a victim's; None if they are not granted.
        mean_image: `[C, H, W]`, the mean of a public dataset, or its usual row `[F]` or series `[C, T]`, granted in
            place of the gradient to a control that needs it.
        defense: what is known of the client's defences: one mapping per part, in the order in which the parts act, with
            `defense` (its class's name), `position`, `level` and its parameters, without seeds. None if it is not
            granted.
        statistics: `{layer name: [V, 2, C]}`, a mean and a variance per channel of what enters each BatchNorm layer:
            those of the private batch, or those that the model has collected; see the threat model. None if they are
            not granted, or if there are none.
        public: images of the victims' kind, none of them a victim's; None if they are not granted. It is the same
            object in all observations of a cell.

    Raises:
        ValueError: shapes disagree.
    """

    gradients: dict[str, Tensor]
    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    ids: Tensor
    task: Task
    batch_size: int | None = None
    labels: Tensor | None = None
    mask: Tensor | None = None
    surrogate: tuple[tuple[int, ...], ...] | None = None
    mean_image: Tensor | None = None
    defense: tuple[Mapping[str, Any], ...] | None = None
    statistics: dict[str, Tensor] | None = None
    public: PublicImages | None = None

    def __post_init__(self) -> None:
        v = self.ids.shape[0]
        for group in (self.gradients, self.parameters, self.buffers, self.statistics or {}):
            for name, value in group.items():
                require(value.shape[:1] == (v,), f"{name}: want [{v}, ...], got {list(value.shape)}")

    def __len__(self) -> int:
        return self.ids.shape[0]

    def take(self, index: Tensor) -> Observation:
        """Returns the observation of the victims at the positions `index` only."""
        return replace(
            self,
            gradients={name: value[index] for name, value in self.gradients.items()},
            parameters={name: rows_of(value, index) for name, value in self.parameters.items()},
            buffers={name: rows_of(value, index) for name, value in self.buffers.items()},
            ids=self.ids[index],
            labels=None if self.labels is None else self.labels[index],
            mask=None if self.mask is None else self.mask[index],
            statistics=None if self.statistics is None else {n: value[index] for n, value in self.statistics.items()},
        )
