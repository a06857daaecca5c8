"""CIFAR-100 (Krizhevsky 2009): 100 fine classes of 32x32 RGB photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torchvision import datasets

from bench.datamodules.cifar import CIFAR


@dataclass(eq=False, repr=False, kw_only=True)
class CIFAR100(CIFAR):
    """One split of CIFAR-100 with its fine labels, read from `ROOT/cifar-100-python`."""

    reader: ClassVar[type[datasets.CIFAR10]] = datasets.CIFAR100
    count: ClassVar[int] = 100
