"""What the dealing of victims needs to know about all examples of one dataset."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from bench.datamodules.pool import Integers


class Examples(Protocol):
    """All examples of one dataset of any kind, with what the dealing of victims needs to know about them.

    Attributes:
        labels: `[N]`, int64; all 0 if there are no classes.
        classes: number of classes, or None.
        class_names: one name per class, or None.
    """

    labels: Integers
    classes: int | None
    class_names: tuple[str, ...] | None

    def __len__(self) -> int: ...

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""

    def inputs(self, samples: Integers) -> Tensor:
        """The examples of these numbers, `[...]` -> `[..., *shape]`."""

    @property
    def fingerprint(self) -> str:
        """A hash that is equal for two sets only if examples and labels are equal."""
