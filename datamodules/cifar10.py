"""CIFAR-10 (Krizhevsky 2009): 10 classes of 32x32 RGB photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torchvision import datasets

from bench.datamodules.cifar import CIFAR


@dataclass(eq=False, repr=False, kw_only=True)
class CIFAR10(CIFAR):
    """One split of CIFAR-10, read from `ROOT/cifar-10-batches-py`."""

    reader: ClassVar[type[datasets.CIFAR10]] = datasets.CIFAR10
    count: ClassVar[int] = 10
