"""What CIFAR-10 and CIFAR-100 share (Krizhevsky 2009): 32x32 RGB, 50,000 train and 10,000 test images, one archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

from bench.datamodules.pool import Pool
from bench.datamodules.torchvision_set import TorchvisionSet
from bench.download.http import probe


@dataclass(eq=False, repr=False, kw_only=True)
class CIFAR(TorchvisionSet):
    """One split of the dataset that the torchvision class `reader` reads, from pickled batches (the Python version).

    There is no explicit licence; the authors ask for citation (A. Krizhevsky, Learning Multiple Layers of Features from
    Tiny Images, 2009).
    """

    reader: ClassVar[type[datasets.CIFAR10]]
    count: ClassVar[int]

    def folder(self) -> Path:
        """The folder `ROOT/cifar-10-batches-py` or `ROOT/cifar-100-python`."""
        return self._root / self.reader.base_folder

    def files(self) -> dict[str, str | None]:
        """The files of the archive, of both splits, since torchvision asks for all of them."""
        batches = dict(self.reader.train_list + self.reader.test_list)
        return {**batches, self.reader.meta["filename"]: self.reader.meta["md5"]}

    def by_hand(self) -> str:
        """The end of a sentence that says which archive to unpack where."""
        return f"unpack {self.reader.filename} in {self._root}"

    def fetch(self) -> None:
        """Downloads the archive (unless it already is in `root`) and unpacks it."""
        if not check_integrity(self._root / self.reader.filename, self.reader.tgz_md5):
            probe(self.reader.url)
        self.reader(self._root, download=True)

    def load(self) -> Pool:
        """Checks every file against its MD5, then unpickles the split.

        Raises:
            UserError: a file differs from the published one.
        """
        self.check_whole()
        read = self.reader(self._root, train=self.split == "train")
        return Pool(read.data, np.array(read.targets, dtype=np.int64), self.count, tuple(read.classes))
