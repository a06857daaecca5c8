"""Street View House Numbers (Netzer et al. 2011), cropped digits: 32x32 RGB, 10 classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from torchvision import datasets

from bench.datamodules.pool import Pool
from bench.datamodules.torchvision_set import TorchvisionSet
from bench.download.http import probe


@dataclass(eq=False, repr=False, kw_only=True)
class SVHN(TorchvisionSet):
    """One split of the cropped digits, read from `ROOT/{test,train,extra}_32x32.mat`.

    There are 26,032 test, 73,257 train and 531,131 extra images. They are for non-commercial use only. Cite: Netzer et
    al., Reading Digits in Natural Images with Unsupervised Feature Learning, 2011.
    """

    splits: ClassVar[tuple[str, ...]] = ("test", "train", "extra")

    def folder(self) -> Path:
        """The folder `ROOT` itself, as in torchvision."""
        return self._root

    def files(self) -> dict[str, str | None]:
        """The one file of the split, with its MD5."""
        _, name, checksum = datasets.SVHN.split_list[self.split]
        return {name: checksum}

    def fetch(self) -> None:
        """Downloads the one file of the split."""
        probe(datasets.SVHN.split_list[self.split][0])
        datasets.SVHN(self._root, split=self.split, download=True)

    def load(self) -> Pool:
        """Checks the file against its MD5, then reads it.

        Raises:
            UserError: the file differs from the published one.
        """
        self.check_whole()
        read = datasets.SVHN(self._root, split=self.split)
        images = np.ascontiguousarray(np.transpose(read.data, (0, 2, 3, 1)))
        return Pool(images, read.labels.astype(np.int64), 10, tuple("0123456789"))
